// How a TCP connection is set up, whichever side opened it.
#pragma once

#include "net/address.h"

namespace holdfast::net {

// A peer that is gone without a word (asleep, unplugged) is found within a minute or so: by probes while
// nothing is said, and by what is never acknowledged.
void prepare(Socket& socket);

}  // namespace holdfast::net
