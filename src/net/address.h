// An address as Asio wants it.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>

#include "base/address.h"
#include "base/task_group.h"

namespace holdfast::net {

using Socket = asio::generic::stream_protocol::socket;

// Errc::invalid: a path too long for a socket, or no IP address.
Result<asio::generic::stream_protocol::endpoint> to_endpoint(const Address& address);

}  // namespace holdfast::net
