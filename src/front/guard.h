// Who may talk to a listener: a web page that a browser on this machine shows must not, however it got at the
// address (DNS rebinding).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "front/request.h"

namespace holdfast::front {

// Why a request on the listener `bound` is refused; nullopt: it is fine. On TCP exactly one Host must name
// this machine's loopback or the bound address (any number, if that is all of them), with any port, or, if
// `any_host`, whatever it likes: a page has no token to come with. An Origin, everywhere, must be http or
// https of this machine.
std::optional<std::string> foreign(const Request& request, const Address& bound, bool any_host = false);

}  // namespace holdfast::front
