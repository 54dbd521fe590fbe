// Why the gateway did not start, said so that one knows what to do.
#pragma once

#include <string>

#include "base/result.h"
#include "daemon/paths.h"

namespace holdfast::daemon {

// What would help against `error`, one sentence; empty: the error says it all.
std::string advice(const Error& error, const Paths& paths);

}  // namespace holdfast::daemon
