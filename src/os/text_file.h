// Small files of our own, such as those of a state directory.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace holdfast::os {

// The whole of a file, made anew or replaced in place; not synced. The error says what the disk or the kernel
// refused.
Result<void> write_file(const std::filesystem::path& path, std::string_view text);
// The same of what is its owner's only (0600) and must outlive a power cut: written aside (`PATH.new`),
// synced, and renamed, so that there is the old one or the new one. One writer at a time.
Result<void> replace_private_file(const std::filesystem::path& path, std::string_view text);

}  // namespace holdfast::os
