// Who shares an instance with whom, as far as its entry, the client's headers and its token go; the profile
// comes on top.
#pragma once

#include <optional>
#include <string>

#include "config/config.h"
#include "gateway/consumer.h"

namespace holdfast::gateway {

// What an instance of `server` is shared under for this client (nullptr: nobody who sent a header, as a run
// of a job): the empty text by all, "X-Project=alpha" by those who sent that header, "token=ID" by those who
// came with that token. nullopt: the session has its own, as it does under `session`, and wherever the client
// sent no value, several, or one of more than 256 bytes, or came without a token. No two values share a text,
// and none is a session's id.
std::optional<std::string> shared_under(const config::Server& server, const Consumer* client);

}  // namespace holdfast::gateway
