/** The client library of kefu: one connection, its conversations, and a safe way to write into them. */

/** Where the connection is. `catching up`: the socket is open, and what was missed is still coming. */
export type State = "offline" | "connecting" | "catching up" | "live";

/** Why there is no connection: `close()`; the network or the token callback failed; nobody is signed in; no network. */
export type Reason = "closed" | "unreachable" | "signed out" | "no network";

export interface Status {
  readonly state: State;
  /** Set while `offline` or `connecting`. */
  readonly reason: Reason | null;
  /** When the next attempt is due (ms, by this machine's clock), while `offline` and trying again. */
  readonly retryAt: number | null;
}

export type Side = "customer" | "store" | "system";
export interface Person {
  readonly user: string;
  readonly name: string;
}
export interface Sender extends Person {
  readonly side: Side;
}
export interface Text {
  readonly type: "text";
  readonly text: string;
}

/** A stored message. (`conversation`, `seq`) is what it is; `at` is ms since the epoch, by the server's clock. */
export interface Message {
  readonly conversation: string;
  readonly seq: number;
  readonly id: string;
  readonly from: Sender;
  readonly body: Text;
  readonly at: number;
  readonly epoch?: string;
  /** 1, 2, 3 …: grows when a closed conversation is opened again. */
  readonly visit?: number;
}

/** A conversation as the protocol shows it to this side. */
export interface ConversationObject {
  readonly conversation: string;
  readonly store: string;
  readonly customer: Person;
  readonly status: "waiting" | "claimed" | "closed";
  readonly agent: Person | null;
  readonly last: Message | null;
  readonly last_seq: number;
  readonly unread: number;
  readonly read: { readonly customer: number; readonly store: number };
  readonly waiting_since: number | null;
  readonly version: number;
  readonly epoch?: string;
}

/** A message of one's own that is not stored yet. `waiting`: its turn or the connection has not come. */
export interface Pending {
  readonly id: string;
  readonly conversation: string;
  readonly text: string;
  /** When it was written: ms, by this machine's clock. */
  readonly at: number;
  readonly state: "waiting" | "sending" | "failed";
  /**
   * Why it failed (`lost`: it was stored, and storage has gone back). It waits for `retry` or `discard`, and later ones
   * of its conversation go on without it.
   */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** What is known of a conversation: an immutable snapshot, another object after each change. */
export interface ConversationView {
  readonly conversation: string;
  /** On which side this user stands in it. */
  readonly side: "customer" | "store";
  /** Ascending by `seq`, without a gap and without a repeat. */
  readonly messages: readonly Message[];
  readonly pending: readonly Pending[];
  /** The newest page has arrived; false while the first one loads. */
  readonly loaded: boolean;
  /** Older messages remain behind `messages[0]`; ask for them by `older()`. */
  readonly more: boolean;
  /** Null until it is known, and while the conversation does not exist. */
  readonly object: ConversationObject | null;
  /** Messages not of this side beyond its read mark. */
  readonly unread: number;
  readonly read: { readonly customer: number; readonly store: number };
  /** Who is writing on the other side just now (it lapses by itself). */
  readonly typing: Sender | null;
  readonly watched: boolean;
  /** Why it cannot be loaded (`forbidden`, `not_found`), or null. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** A refusal by the server, with the protocol's code. `offline` and `closed` are the library's own. */
export class KefuError extends Error {
  readonly code: string;
  readonly retry: boolean;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Keeps the outbox across reloads. IndexedDB where there is one, else memory; React Native brings its own. */
export interface Outbox {
  /** All entries of `scope` (service and user), in the order in which they were written. */
  load(scope: string): Promise<Pending[]>;
  put(scope: string, entry: Pending): Promise<void>;
  remove(scope: string, id: string): Promise<void>;
}

/** Keeps as long as the page or program lives. */
export function memoryOutbox(): Outbox;

/** Keeps in IndexedDB, for all tabs of a browser. */
export function indexedOutbox(indexedDB: IDBFactory): Outbox;

export interface Options {
  /** The socket's address, `wss://…`; a function is asked at each connect. */
  url: string | (() => string | Promise<string>);
  /** Asked for a fresh JWT at each connect; null: nobody is signed in (`signed out`; `wake()` asks again). */
  token: () => Promise<string | null>;
  /** One connection for all tabs of this browser (default: where the browser can). */
  shared?: boolean;
  outbox?: Outbox;
  /** The WebSocket class, where there is no global one. */
  WebSocket?: unknown;
  /** Requests a second that the service allows a user (its RATE_LIMIT, default 10), so that none is refused; 0: any. */
  rate?: number;
}

export interface Events {
  status: Status;
  /**
   * Every message of another, once each and in order within its conversation; `fresh` is false for what was replayed or
   * loaded. One that was overtaken in a conversation that is not open is told late rather than not at all.
   */
  message: { message: Message; fresh: boolean };
  /** A conversation's status, claimer, last message, unread count or read marks have changed. */
  conversation: ConversationObject;
  /**
   * Something may have been missed: after each connect, once it has caught up, and when storage has gone back. Open
   * conversations look for themselves; load lists again.
   */
  resumed: { user: string };
  notice: { text: string; at: number };
}

export interface ConversationsQuery {
  store?: string;
  status?: "waiting" | "claimed" | "closed";
  mine?: boolean;
  limit?: number;
  cursor?: string;
}

/** Make a client and connect it. Nothing throws later on its own: `status` tells, requests reject. */
export function connect(options: Options): Client;

export interface Client {
  readonly status: Status;
  /** The user, once a token was there. */
  readonly user: string | null;
  readonly name: string | null;
  /** Add a listener; the answer takes it away again. */
  on<K extends keyof Events>(event: K, listener: (event: Events[K]) => void): () => void;
  /** The one object for that conversation. */
  conversation(id: string): Conversation;
  /** One page of conversations, as the protocol gives them; each is remembered as the newest known object. */
  conversations(query?: ConversationsQuery): Promise<{ conversations: ConversationObject[]; cursor: string | null }>;
  /** Any request of the protocol. Rejects with KefuError; what may be tried again is, for up to 30 s. */
  request(action: string, parameters?: object): Promise<any>;
  /** Server's time as well as is known: `Date.now()` corrected by the last `welcome` or `pong`. */
  now(): number;
  /** Try to connect now: the page was shown, somebody signed in, "try again" was tapped. */
  wake(): void;
  /** Hang up, for good. */
  close(): void;
}

export interface Conversation {
  readonly id: string;
  readonly view: ConversationView;
  /**
   * Be told after each change (at most once a microtask). While anybody listens the conversation is open: its newest
   * page is loaded, and gaps are filled, also after a reconnect.
   */
  subscribe(listener: (view: ConversationView) => void): () => void;
  /**
   * Put a message into the outbox; resolves with its id once it is kept there. It is sent in its turn, also after a
   * reload. Rejects at once for a text that is empty or has more than 4,000 characters.
   */
  send(text: string): Promise<string>;
  /** Send a failed one again, under the same id. */
  retry(id: string): Promise<void>;
  /** Forget a failed one; resolves with its text. */
  discard(id: string): Promise<string | null>;
  /** Load the page before `messages[0]`; resolves when it is in `view`. */
  older(): Promise<void>;
  /** This side has read up to `seq` (default: the newest). Repeats and steps back cost nothing. */
  read(seq?: number): void;
  /** Somebody writes here. Sent at most every few seconds, and taken back by itself when calls cease. */
  typing(on: boolean): void;
  /** See it live although another agent serves it; kept up across reconnects. */
  watch(on: boolean): Promise<void>;
  claim(options?: { force?: boolean }): Promise<ConversationObject>;
  release(): Promise<ConversationObject>;
  close(): Promise<ConversationObject>;
  transfer(to: string): Promise<ConversationObject>;
}
