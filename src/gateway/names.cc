#include "gateway/gateway.h"

namespace holdfast::gateway {

std::optional<QualifiedName> split_name(std::string_view qualified) {
  const auto at = qualified.find("__");
  if (at == std::string_view::npos || at == 0 || at + 2 == qualified.size()) return std::nullopt;
  return QualifiedName{qualified.substr(0, at), qualified.substr(at + 2)};
}

}  // namespace holdfast::gateway
