// Bytes at the HTTP server's own socket, whole and in two pieces: each answer is whole HTTP, there is one for
// each request and at most one refusal behind them, nothing is served whose length could be read in two ways,
// and the connection ends.
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <filesystem>
#include <string>

#include "base/ids.h"
#include "front/http_server.h"
#include "fuzz.h"

namespace {

using namespace holdfast;
using fuzz::require;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::size_t kBodyLimit = 256;
constexpr std::uint32_t kHeaderLimit = 1024;

class World {
 public:
  static World& the() {
    static World world;
    return world;
  }
  // What comes back for `bytes`, sent in two pieces, until the end.
  std::string answers_to(std::string_view bytes, std::size_t cut) {
    requests_ = 0;
    asio::local::stream_protocol::socket client(loop_);
    client.connect(asio::local::stream_protocol::endpoint(path_));
    error_code ec;
    asio::write(client, asio::buffer(bytes.substr(0, cut)), ec);
    loop_.poll();
    if (!ec) asio::write(client, asio::buffer(bytes.substr(cut)), ec);
    client.shutdown(asio::socket_base::shutdown_send, ec);
    std::string all(4096, '\0'), heard;
    bool over = false;
    read(client, all, heard, over);
    loop_.restart();
    const auto deadline = steady_clock::now() + std::chrono::seconds(5);
    while (!over && steady_clock::now() < deadline) loop_.run_one_until(deadline);
    require(over, "a connection that does not end");
    return heard;
  }
  [[nodiscard]] int requests() const { return requests_; }

 private:
  World() {
    auto listener = net::Listener::open(loop_.get_executor(), unix_address(path_));
    require(listener.has_value(), "no listener");
    server_ = front::HttpServer::create(loop_.get_executor(), {.header_limit = kHeaderLimit});
    server_->serve(std::move(*listener),
                   {.handler = [this](front::Request request) { return answer(std::move(request)); },
                    .body_limit = kBodyLimit});
  }
  ~World() { std::filesystem::remove(path_); }
  asio::awaitable<front::Response> answer(front::Request request) {
    ++requests_;
    require(request.body.size() <= kBodyLimit, "a body beyond the limit");
    require(!request.header("Content-Length") || !request.header("Transfer-Encoding"),
            "two lengths of one body");
    front::Response response;
    response.body = request.method == "HEAD" ? "" : "x";
    co_return response;
  }
  static void read(asio::local::stream_protocol::socket& client, std::string& into, std::string& heard,
                   bool& over) {
    client.async_read_some(asio::buffer(into), [&](const error_code& ec, std::size_t n) {
      heard.append(into, 0, n);
      if (ec)
        over = true;
      else
        read(client, into, heard, over);
    });
  }

  std::string path_ = std::filesystem::temp_directory_path() / ("hffuzz" + random_hex(6));
  asio::io_context loop_{1};
  std::unique_ptr<front::HttpServer> server_;
  int requests_ = 0;
};

// How many answers there are; they fill the text.
int count_answers(std::string_view text) {
  int answers = 0;
  while (!text.empty()) {
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    error_code ec;
    const std::size_t n = parser.put(asio::buffer(text), ec);
    require(!ec, "an answer that is no HTTP");
    require(parser.is_done(), "an answer that is cut off");
    text.remove_prefix(n);
    if (parser.get().result() != http::status::continue_) ++answers;
  }
  return answers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  fuzz::input = text;
  for (const std::size_t cut : {text.size(), text.size() / 2}) {
    const std::string answers = World::the().answers_to(text, cut);
    const int requests = World::the().requests(), answered = count_answers(answers);
    // Who says that he is done may go unanswered: whoever reads no more is gone.
    require(answered <= requests + 1, "more answers than requests");
  }
  return 0;
}
