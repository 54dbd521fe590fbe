// Random names: gateway, tree, session and run ids.
#pragma once

#include <cstddef>
#include <string>

namespace holdfast {

// `bytes` random bytes from the kernel (getrandom through std::random_device) as lower-case hex.
std::string random_hex(std::size_t bytes);

}  // namespace holdfast
