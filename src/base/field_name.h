// Names of HTTP's fields, which people call headers (RFC 9110, section 5.1).
#pragma once

#include <optional>
#include <string_view>

namespace holdfast {

// A token: what may stand before the colon.
[[nodiscard]] bool is_field_name(std::string_view text);
// They differ in nothing but the case of ASCII letters.
[[nodiscard]] bool same_field(std::string_view a, std::string_view b);
// Why this field says nothing of a client by which it could be told from others; nullopt: it may.
[[nodiscard]] std::optional<std::string_view> says_nothing_of_its_client(std::string_view name);

}  // namespace holdfast
