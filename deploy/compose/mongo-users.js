// A user and a database for each part, and no right beyond it: a chat relay that was
// taken over reads no hash of auth's, and alters no record. mongo's image runs this
// once, as root, on an empty volume; the passwords are secrets of that container.
const fs = require("fs");
const databases = {
  "audit": "centinela_audit",
  "auth": "centinela_auth",
  "recovery": "centinela_recovery",
  "chat-relay": "centinela_chat_relay"
};
for (const [part, database] of Object.entries(databases)) {
  db.getSiblingDB("admin").createUser({
    user: part,
    pwd: fs.readFileSync("/run/secrets/mongo-" + part, "utf8").trim(),
    roles: [{role: "readWrite", db: database}]
  });
}
