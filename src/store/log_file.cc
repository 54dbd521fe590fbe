#include "store/log_file.h"

#include <algorithm>
#include <system_error>

#include "base/plural.h"

namespace holdfast::store {

namespace fs = std::filesystem;

LogFile::LogFile(fs::path path, LogLimits limits) : path_(std::move(path)), limits_(limits) {
  limits_.max_bytes = std::max<std::int64_t>(limits_.max_bytes, 1);
  limits_.generations = std::max(limits_.generations, 1);
}

bool LogFile::reopen() {
  std::error_code ec;
  const bool fresh = !fs::exists(path_, ec);
  file_.reset(std::fopen(path_.c_str(), "ae"));  // e: close-on-exec, so that no server inherits it
  if (!file_) return false;
  std::setvbuf(file_.get(), nullptr, _IONBF, 0);
  if (fresh) fs::permissions(path_, fs::perms::owner_read | fs::perms::owner_write, ec);
  const auto size = fs::file_size(path_, ec);
  size_ = ec ? 0 : static_cast<std::int64_t>(size);
  return true;
}

void LogFile::rotate() {
  file_.reset();
  std::error_code ignored;  // a generation that cannot be moved is overwritten: bounded comes first
  const auto elder = [this](int n) { return fs::path(path_.native() + "." + std::to_string(n)); };
  for (int n = limits_.generations - 1; n > 1; --n) fs::rename(elder(n - 1), elder(n), ignored);
  if (limits_.generations > 1)
    fs::rename(path_, elder(1), ignored);
  else
    fs::remove(path_, ignored);
  if (fs::exists(path_, ignored)) fs::resize_file(path_, 0, ignored);
}

std::string LogFile::gap() const {
  if (limits_.json) return "\n{\"missing_bytes\":" + std::to_string(unsaid_) + "}\n";
  return "\n[holdfast: " + counted(unsaid_, "byte is", "bytes are") + " missing here]\n";
}

void LogFile::append(std::string_view text) {
  if (unsaid_ > 0 && put(gap()) == 0) unsaid_ = 0;
  lost(static_cast<std::int64_t>(put(text)));
}

void LogFile::lost(std::int64_t bytes) {
  dropped_ += bytes;
  unsaid_ += bytes;
}

std::size_t LogFile::put(std::string_view text) {
  if (!file_ && !reopen()) return text.size();
  while (!text.empty()) {
    const bool full = size_ >= limits_.max_bytes;
    if (full) rotate();
    // What can be neither moved nor emptied (chattr +a) stays as it is: bounded comes first.
    if ((!file_ && !reopen()) || (full && size_ > 0)) return text.size();
    const auto room = static_cast<std::size_t>(std::max<std::int64_t>(limits_.max_bytes - size_, 1));
    // A line goes whole into one generation unless it is longer than one.
    if (text.size() > room && size_ > 0 && text.size() <= static_cast<std::size_t>(limits_.max_bytes)) {
      size_ = limits_.max_bytes;
      continue;
    }
    const std::string_view part = text.substr(0, room);
    const std::size_t written = std::fwrite(part.data(), 1, part.size(), file_.get());
    size_ += static_cast<std::int64_t>(written);
    text.remove_prefix(written);
    if (written < part.size()) {
      std::clearerr(file_.get());
      break;
    }
  }
  return text.size();
}

Result<LogChunk> read_log(const fs::path& path, std::int64_t offset, std::size_t max) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "re"));
  if (!file) return sys_error("open", path.native());
  if (std::fseek(file.get(), 0, SEEK_END) != 0) return sys_error("seek", path.native());
  const std::int64_t size = std::ftell(file.get());
  std::int64_t from = offset < 0 ? std::max<std::int64_t>(0, size + offset) : offset;
  if (from > size) from = 0;
  std::string out(std::min(max, static_cast<std::size_t>(size - from)), '\0');
  if (std::fseek(file.get(), from, SEEK_SET) != 0) return sys_error("seek", path.native());
  out.resize(std::fread(out.data(), 1, out.size(), file.get()));
  const std::int64_t next = from + static_cast<std::int64_t>(out.size());
  return LogChunk{std::move(out), next};
}

}  // namespace holdfast::store
