/** Socket.IO on Node: whatever is posted is emitted to everybody in a room. Prints its port. */
import { createServer } from "node:http"
import { Server } from "socket.io"

const http = createServer((request, response) => {
  if (request.method !== "POST") return
  let body = ""
  request.on("data", (data) => (body += data))
  request.on("end", () => {
    io.to("room").emit("state", JSON.parse(body))
    response.end()
  })
})
const io = new Server(http, { transports: ["websocket"] })
io.on("connection", (socket) => socket.join("room"))
http.listen(0, () => console.log(http.address().port))
