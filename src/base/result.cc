#include "base/result.h"

namespace holdfast {
namespace {

class Category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "holdfast"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::timeout:
        return "timed out";
      case Errc::cancelled:
        return "cancelled";
      case Errc::closed:
        return "closed";
      case Errc::limit:
        return "limit reached";
      case Errc::not_found:
        return "not found";
      case Errc::invalid:
        return "invalid";
      case Errc::refused:
        return "refused";
      case Errc::protocol:
        return "protocol error";
      case Errc::unproven:
        return "not proven";
    }
    return "unknown error";
  }
};

}  // namespace

const std::error_category& holdfast_category() noexcept {
  static const Category category;
  return category;
}

std::string Error::message() const {
  if (op.empty() && !subject.empty() && code.category() == holdfast_category())
    return std::string(subject.view());
  std::string text(op);
  if (!subject.empty()) text.append(text.empty() ? "" : " ").append(subject.view());
  if (code) text.append(": ").append(code.message());
  return text;
}

}  // namespace holdfast
