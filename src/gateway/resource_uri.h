// Whose a URI is, as far as it tells by itself. Pure.
#pragma once

#include <string_view>

namespace holdfast::gateway {

// "file" of "file:///x"; empty: it has none.
std::string_view scheme_of(std::string_view uri);

// Whether a URI template (RFC 6570) may have been expanded to `uri`: an expression stands for any text.
bool matches_template(std::string_view uri_template, std::string_view uri);

}  // namespace holdfast::gateway
