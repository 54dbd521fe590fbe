// For tests of this room and those above: certificates that nobody but the test trusts.
#pragma once

#include <filesystem>
#include <string>

#include "net/tls_door.h"

namespace holdfast::net::test {

// A new key and a certificate that it signs itself, for `name` (as DNS name, and for 127.0.0.1), good for a
// day; written into `folder` as NAME.pem and NAME.key. Throws where it cannot.
TlsFiles self_signed(const std::filesystem::path& folder, const std::string& name);

}  // namespace holdfast::net::test
