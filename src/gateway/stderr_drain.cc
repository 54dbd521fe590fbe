#include "gateway/stderr_drain.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace holdfast::gateway {

void Tail::append(std::string_view text) {
  if (text.size() > kBytes) text.remove_prefix(text.size() - kBytes);
  text_.append(text);
  if (text_.size() > kBytes) text_.erase(0, text_.size() - kBytes);
}

std::string Tail::last_words(std::size_t limit) const {
  std::string words;
  std::string_view rest(text_);
  while (!rest.empty() && words.size() < limit) {
    const auto newline = rest.find_last_of('\n');
    std::string_view line = newline == std::string_view::npos ? rest : rest.substr(newline + 1);
    rest = newline == std::string_view::npos ? std::string_view() : rest.substr(0, newline);
    while (!line.empty() && static_cast<unsigned char>(line.back()) <= ' ') line.remove_suffix(1);
    if (line.empty()) continue;
    const std::string_view separator = words.empty() ? "" : " | ";
    if (words.size() + separator.size() + line.size() > limit && !words.empty()) break;
    words = std::string(line.substr(0, limit)).append(separator).append(words);
  }
  return words;
}

namespace {

using Stream = asio::posix::stream_descriptor;

asio::awaitable<void> read_all(std::shared_ptr<Stream> stream, std::shared_ptr<StderrDrain> file,
                               std::shared_ptr<Tail> tail) {
  // stop() ends this coroutine. A cancellation signal must not reach it: between release() and the waking of the interrupted
  // read it would follow a pointer into the descriptor's past (Boost 1.81).
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  // Small on purpose: it lives in every idle instance. A flood is read in as many steps as it takes.
  std::array<char, 4096> buffer;
  for (boost::system::error_code ec; !ec;) {
    const std::size_t n =
        co_await stream->async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, ec));
    if (n == 0) continue;
    file->append({buffer.data(), n});
    tail->append({buffer.data(), n});
  }
}

}  // namespace

StderrReader::StderrReader(const asio::any_io_executor& executor, int fd)
    : stream_(std::make_shared<Stream>(executor, fd)) {}

asio::awaitable<void> StderrReader::run(std::shared_ptr<StderrDrain> file, std::shared_ptr<Tail> tail) {
  return read_all(stream_, std::move(file), std::move(tail));
}

void StderrReader::stop() {
  if (stream_->is_open()) (void)stream_->release();
}

}  // namespace holdfast::gateway
