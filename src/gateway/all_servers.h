// What stands behind a view of all servers: one session, what is known of each server's listings, and who
// gets what. Used by view_of_all only.
#pragma once

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/catalog.h"
#include "gateway/view.h"

namespace holdfast::gateway {

class AllServers;
using AllServersPtr = std::shared_ptr<AllServers>;

// Outlives its handle while coroutines of it still unwind, but not its session. What waits is a function that
// takes the object itself, and looks after each wait whether it has ended.
class AllServers final : public Consumer,
                         public Catalog::Reader,
                         public std::enable_shared_from_this<AllServers> {
 public:
  // What this session knows of one server.
  struct Link {
    std::string server;
    CatalogKey key;
    ToolFilter permitted{{}, {}};  // of its tools, to this client
    bool shared = false;           // one instance for all: what it told anybody last holds for us, too
    bool recalled = false;         // the catalogue was asked
    bool greeted = false;          // an instance answered initialize, and was asked for its listings
    bool learning = false;
    std::chrono::steady_clock::time_point learning_since{};
    std::string failure;                                     // of the last attempt to learn
    RecordPtr record;                                        // the catalogue's
    ServerRecord own;                                        // what this session's own copy said
    std::array<bool, kListKinds> wanted{};                   // by somebody who waits
    std::array<bool, kListKinds> stale{};                    // to be listed by the server
    std::array<std::optional<ListingPtr>, kListKinds> told;  // to the client; nullopt: it never asked

    [[nodiscard]] ListingPtr known(ListKind kind) const;    // all that it lists; nullptr: not known
    [[nodiscard]] ListingPtr listing(ListKind kind) const;  // the same without what is not permitted
    [[nodiscard]] std::string_view capabilities() const;
    [[nodiscard]] std::string_view instructions() const;

   private:
    mutable ListingPtr all_tools_, permitted_tools_;  // the answer of listing(), for as long as it is right
  };
  using LinkPtr = std::shared_ptr<Link>;
  struct Listed {  // a server that is listed, as the gateway sees it now
    ServerView view;
    LinkPtr link;
  };
  struct Target {
    std::string server, own;
  };

  AllServers(Gateway& gateway, std::shared_ptr<Catalog> catalog, const std::shared_ptr<Consumer>& client,
             AllOptions options);
  bool begin(const std::string& label);  // false: the gateway is closed
  void end();
  [[nodiscard]] const std::string& session_id() const { return session_id_; }
  Result<void> notify(std::string_view method, std::string_view params);

  // all_servers.cc
  [[nodiscard]] std::string_view who() const override { return who_; }
  [[nodiscard]] std::string_view token() const override { return token_; }
  [[nodiscard]] const mcp::ClientProfile& profile() const override { return profile_; }
  [[nodiscard]] std::optional<std::string> header(std::string_view name) const override;
  void notified(std::string_view server, std::string_view method, std::string_view params,
                CallNumber call) override;
  asio::awaitable<Result<mcp::Reply>> asked(std::string server, std::string method, std::string params,
                                            CallNumber call) override;
  void remembered(const CatalogKey& key, const RecordPtr& record) override;
  void servers_changed() override;

  static asio::awaitable<Result<mcp::InitializeResult>> hello(AllServersPtr self);
  // A request under the session, whose server has been greeted.
  static asio::awaitable<Result<mcp::Reply>> send(AllServersPtr self, std::string server, std::string method,
                                                  std::string params, CallOptions options);

  // all_learn.cc: waits for the listings of `kind` that are not known yet, as long as that is any use.
  static asio::awaitable<void> gather(AllServersPtr self, ListKind kind,
                                      std::chrono::steady_clock::time_point deadline);
  std::vector<Listed> listed();

  // all_route.cc
  static asio::awaitable<Result<mcp::Reply>> list(AllServersPtr self, ListKind kind, std::string params,
                                                  CallOptions options);
  static asio::awaitable<Result<mcp::Reply>> call(AllServersPtr self, ListKind kind, std::string method,
                                                  std::string params, CallOptions options);
  static asio::awaitable<Result<mcp::Reply>> resource(AllServersPtr self, std::string method,
                                                      std::string params, CallOptions options);
  static asio::awaitable<Result<mcp::Reply>> complete(AllServersPtr self, std::string params,
                                                      CallOptions options);
  static asio::awaitable<Result<mcp::Reply>> set_level(AllServersPtr self, std::string params);

 private:
  // Made when the first request tells on which loop we are.
  struct Loop {
    explicit Loop(const asio::any_io_executor& executor) : learned(executor), tasks(executor) {}
    Event learned;  // set and cleared whenever something of a link changed
    TaskGroup tasks;
  };
  static asio::awaitable<void> enter(AllServersPtr self);
  void pulse();
  LinkPtr link_of(std::string_view server);
  LinkPtr make_link(const ServerView& view, ToolFilter permitted);
  // Whether the client may ask the server this; raw params, with the server's own name of the tool.
  [[nodiscard]] bool permits(const std::string& server, std::string_view method,
                             std::string_view params) const;
  void learn(const LinkPtr& link);
  static asio::awaitable<void> learn_all(AllServersPtr self, LinkPtr link);
  static asio::awaitable<void> recall(AllServersPtr self, LinkPtr link);
  static asio::awaitable<Result<void>> greet(AllServersPtr self, LinkPtr link);
  static asio::awaitable<Result<ListingPtr>> drain(AllServersPtr self, LinkPtr link, ListKind kind);
  static asio::awaitable<void> send_level(AllServersPtr self, LinkPtr link);
  void tell_changes(Link& link);
  void say(std::string_view server, std::string_view method);
  static asio::awaitable<std::optional<Target>> find(AllServersPtr self, ListKind kind, std::string name);
  std::optional<Target> find_hashed(ListKind kind, const std::string& name);
  std::string unknown(ListKind kind, const std::string& name);
  std::vector<std::string> owners(const std::string& uri, bool may_guess);
  static asio::awaitable<std::vector<std::string>> find_owners(AllServersPtr self, std::string uri);
  static asio::awaitable<Result<mcp::Reply>> ask_owners(AllServersPtr self, std::string uri,
                                                        std::string method, std::string params,
                                                        CallOptions options);

  Gateway& gateway_;
  const std::shared_ptr<Catalog> catalog_;
  const std::weak_ptr<Consumer> client_;
  const AllOptions options_;
  const std::string who_, token_;
  const mcp::ClientProfile profile_;
  std::unique_ptr<Session> session_;  // nullptr: ended
  std::string session_id_;
  std::map<std::string, LinkPtr, std::less<>> links_;
  std::map<std::string, std::string, std::less<>> subscribed_;  // by uri: the server
  std::string level_;  // params of logging/setLevel; empty: never set
  std::unique_ptr<Loop> loop_;
};

}  // namespace holdfast::gateway
