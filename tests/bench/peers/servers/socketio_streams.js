// Socket.IO with its adapter over Redis streams: `node socketio_streams.js PORT`, with REDIS_URL and NODE_PATH.
const { createServer } = require('http')
const { Server } = require('socket.io')
const { createClient } = require('redis')
const { createAdapter } = require('@socket.io/redis-streams-adapter')

async function main(port) {
  const redis = createClient({ url: process.env.REDIS_URL })
  await redis.connect()
  const http = createServer()
  const server = new Server(http, { transports: ['websocket'], adapter: createAdapter(redis) })
  server.on('connection', async (socket) => {
    const { room, role } = socket.handshake.query
    if (role === 'agent') await socket.join(room)
    socket.on('msg', (sent) => server.to(room).emit('msg', sent))
    socket.emit('hello')
  })
  http.listen(port, '127.0.0.1')
}

main(Number(process.argv[2]))
