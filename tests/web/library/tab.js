// What a tab of the tests runs: a client of `user` with one conversation open, and what it was told.
async ([user, conversation]) => {
  const { connect } = await import("/lib/kefu.js");
  const token = async () => {
    const answer = await fetch("/dev/tokens", { method: "POST", body: JSON.stringify({ sub: user }) });
    return (await answer.json()).token;
  };
  const client = connect({ url: `${location.origin.replace("http", "ws")}/ws`, token });
  const talk = client.conversation(conversation);
  const heard = [];
  client.on("message", ({ message }) => heard.push(message.body.text));
  const shown = () => [
    ...talk.view.messages.map(({ body }) => body.text),
    ...talk.view.pending.map(({ text, state }) => `${text} ${state}`),
  ];
  talk.subscribe(() => {});
  globalThis.tab = { client, talk, heard, shown };
};
