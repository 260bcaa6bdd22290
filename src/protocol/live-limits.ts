/** Every number of what is live: sockets, hubs, streams and polls, its unit in its name. */

/** A socket's attachment holds 16,384 bytes (workerd, web-socket.h); its subscriptions live there. */
export const ATTACHMENT_MAX_BYTES = 16_384
/** Largest frame a socket may send. workerd itself takes 32 MiB. */
export const FRAME_MAX_BYTES = 1_000_000
/** Characters of a URI in a frame; what an attachment can hold of it is less. */
export const URI_MAX_CHARACTERS = 8_192
/** Hubs that sockets are spread over, 32,768 each: every commit may call all of them, and a request has 50 calls. */
export const HUBS_MAX = 32
/** How seldom a subscriber may ask to be told: until then a timer keeps the hub awake. */
export const THROTTLE_MAX_MILLISECONDS = 5_000
/** What a frame takes beside its text, wherever frames are bounded: about what the runtime spends on one. */
export const FRAME_COST_CHARACTERS = 250
/** Frames that wait for a throttled subscriber; at more they are sent at once. */
export const THROTTLE_WAITING_MAX_CHARACTERS = 1_000_000
/** A socket that acks is asked to after this much was sent: small beside the next, and yet seldom. */
export const ACK_EVERY_CHARACTERS = 32_000
/** A reader that has not taken this much is told together what changes from then on. A long fast line holds as much. */
export const BEHIND_MAX_CHARACTERS = 500_000
/** Frames that wait for such a reader; when as few as possible are half of it, it is told everything anew instead. */
export const BEHIND_WAITING_MAX_CHARACTERS = 1_000_000
/**
 * With more than this not taken, a socket that acks may send no commands: their replies would come on top. One that does
 * not ack is ended after as much, or up to a quarter less.
 */
export const UNREAD_MAX_CHARACTERS = 16_000_000
/** What such a socket was sent is kept in steps of this; each time that a hub wakes and sends, one may be counted too many. */
export const ALLOWANCE_STEP_CHARACTERS = 8_000
/** Frames of one socket that may wait for those before them, together. */
export const SOCKET_WAITING_MAX_BYTES = 8_000_000
/** So soon after a change a followed hub looks for others that it was not told of, then after twice as long each time … */
export const HUB_LOOK_FIRST_MILLISECONDS = 30_000
/** … and no more when nothing has happened for this long: all hubs are looked after every hour. */
export const HUB_LOOK_LAST_MILLISECONDS = 30 * 60_000
/**
 * Socket.IO has the server ping, and an alarm wakes the hub for it: rarely enough to cost nearly nothing, often enough
 * that no proxy between takes the connection for dead (they wait 60 to 100 s as a rule).
 */
export const SOCKETIO_PING_INTERVAL_MILLISECONDS = 45_000
/** A client that was not pinged for the interval and this connects anew. */
export const SOCKETIO_PING_TIMEOUT_MILLISECONDS = 40_000
/** Text that may wait for a client's next poll; with more it has to connect anew. */
export const SOCKETIO_POLL_MAX_CHARACTERS = 8_000_000
/** Sessions of one hub that poll at a time. They live in its memory, and each keeps it awake. */
export const SOCKETIO_POLLS_MAX = 500
/** A WebSocket that is to take over from polls and has not by then is closed, as the reference server does. */
export const SOCKETIO_UPGRADE_TIMEOUT_MILLISECONDS = 10_000
/** A subscriber that missed more gets the state instead: to it that is less. */
export const RESUME_MAX_CHANGES = 2_000
/** … and so one that missed changes with larger bodies, together. */
export const RESUME_MAX_CHARACTERS = 8_000_000
/** Topics of one resume; an attachment holds about as many of the shortest. */
export const RESUME_MAX_URIS = 1_000
/** What was read for one that came back is kept for others, up to this. */
export const BACKLOG_MAX_CHARACTERS = 4_000_000
/** Views in whose answers more characters are told whole on each change that the change alone does not tell. */
export const VIEW_COPY_MAX_CHARACTERS = 65_536
/** Resources the hub reads at a time on behalf of those who follow. A Worker has 6 connections, and 128 MB. */
export const READINGS_AT_ONCE = 6
/** Queries that those cost in one invocation of the hub, of the 50 that it may ask D1 on the free plan. */
export const READINGS_MAX_QUERIES = 40
/** What is too much is read by calls of the hub to itself, each so many resources at most … */
export const READINGS_OF_A_CALL = 16
/** … none any more after so many queries: one more may cost 40 … */
export const READINGS_OF_A_CALL_QUERIES = 10
/** … nor after so many characters: a call answers 32 MiB at most. */
export const READINGS_MAX_CHARACTERS = 8_000_000
/** Changes that ride along with a poke; larger ones are left to the journal. An RPC takes 32 MiB. */
export const POKE_MAX_BYTES = 4_000_000
/** When a delivery failed, the hub tries again after this. */
export const DELIVERY_RETRY_MILLISECONDS = 2_000
/** A comment goes out on an event stream as often: many proxies give up a line that is silent for 30 seconds. */
export const EVENTS_HEARTBEAT_MILLISECONDS = 20_000
/** Whose event stream ended comes back after half of this to one and a half of it. */
export const EVENTS_RETRY_MILLISECONDS = 2_000
/** Events that a slow reader of a stream has not taken. */
export const EVENTS_WAITING_MAX_BYTES = 8_000_000
/** Longest `wait`; many proxies end a request that is not answered within a minute. */
export const WAIT_MAX_SECONDS = 60
/** Clients whose sockets are closed all at once are asked to come back spread over this … */
export const RESTART_SPREAD_MILLISECONDS = 5_000
/** … and those that nobody could take, over this. */
export const OVERLOAD_SPREAD_MILLISECONDS = 15_000
