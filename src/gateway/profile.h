// What a server is told of the client behind us. It is part of what an instance may be shared under: tools
// vary with it, and so does what the server may ask. Pure.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"
#include "mcp/client.h"

namespace holdfast::gateway {

// One spelling for all that mean the same: keys sorted, the revision named. Capabilities that are no object,
// or nested beyond reason, declare nothing.
mcp::ClientProfile normalised(const mcp::ClientProfile& profile);

// What an instance of `server` is told for a session with this (normalised) profile. A shared one has no
// client's roots and tasks. Where but one may exist at a time (`maxInstances: 1`) it is told nothing of
// anybody, so that all may share it.
mcp::ClientProfile profile_for(const config::Server& server, const mcp::ClientProfile& session);

// Tells instances with different profiles apart, behind what the entry shares under. Empty: the profile of
// jobs and plain clients.
std::string key_suffix(const mcp::ClientProfile& told);

// A server's request may go to a client with this profile.
bool offers(const mcp::ClientProfile& profile, std::string_view method, std::string_view params);

}  // namespace holdfast::gateway
