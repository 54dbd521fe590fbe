#include "gateway/gateway.h"

#include <unistd.h>

#include <algorithm>
#include <list>
#include <map>

#include "base/log.h"
#include "gateway/catalog.h"
#include "gateway/environment.h"
#include "gateway/pool.h"
#include "gateway/session_impl.h"

namespace holdfast::gateway {
namespace {

// Trees that are held as they are, and by whom.
using Held = std::map<std::string, Holder>;

class HeldTreeImpl final : public Gateway::HeldTree {
 public:
  HeldTreeImpl(Pool& pool, Held& held, std::shared_ptr<custody::Tree> tree, std::string holder)
      : pool_(pool), held_(held), tree_(std::move(tree)), holder_(std::move(holder)) {
    held_.emplace(tree_->id(), Holder{.session = {},
                                      .label = holder_,
                                      .kind = SessionKind::job,
                                      .since = std::chrono::system_clock::now()});
  }
  ~HeldTreeImpl() override {
    held_.erase(tree_->id());
    pool_.give_up(tree_, holder_ + " let it go");
  }
  HeldTreeImpl(const HeldTreeImpl&) = delete;
  HeldTreeImpl& operator=(const HeldTreeImpl&) = delete;
  [[nodiscard]] custody::Tree& tree() override { return *tree_; }

 private:
  Pool& pool_;
  Held& held_;
  std::shared_ptr<custody::Tree> tree_;
  std::string holder_;
};

class GatewayImpl final : public Gateway {
 public:
  GatewayImpl(asio::io_context& loop, custody::Custodian& custodian, const config::Config& config,
              GatewayOptions options)
      : custodian_(custodian),
        catalog_(std::make_shared<Catalog>(options.catalog_dir)),
        pool_(loop, custodian, config, std::move(options)) {}

  std::unique_ptr<Session> open_session(SessionKind kind, std::string label,
                                        const std::shared_ptr<Consumer>& consumer) override {
    if (pool_.is_closed()) return nullptr;
    auto core = std::make_shared<SessionCore>(pool_, kind, std::move(label), consumer);
    std::erase_if(sessions_, [](const auto& weak) { return weak.expired() || weak.lock()->ended(); });
    sessions_.push_back(core);
    return std::make_unique<SessionImpl>(std::move(core));
  }

  asio::awaitable<Result<std::unique_ptr<HeldTree>>> run_in_custody(custody::TreeSpec spec,
                                                                    std::string holder) override {
    if (pool_.is_closed()) co_return fail(Errc::refused, "run", "the gateway is shutting down");
    auto tree = co_await custodian_.start(std::move(spec));
    if (!tree) co_return forward(tree);
    auto held = std::make_unique<HeldTreeImpl>(pool_, held_, std::move(*tree), std::move(holder));
    // The awaiting coroutine may have been cancelled meanwhile: the hold is returned all the same, and its
    // end releases.
    co_return std::unique_ptr<HeldTree>(std::move(held));
  }

  [[nodiscard]] std::vector<std::string> child_environment(
      const std::map<std::string, std::string>& extra) const override {
    return make_environment(environ, extra);
  }

  [[nodiscard]] bool has_server(std::string_view name) const override { return pool_.has_server(name); }
  [[nodiscard]] std::vector<ServerView> servers() const override { return pool_.servers(); }
  [[nodiscard]] std::vector<InstanceView> instances() const override {
    auto views = pool_.instances();
    add_bare_trees(views);
    return views;
  }
  [[nodiscard]] std::vector<SessionView> sessions() const override {
    std::vector<SessionView> views;
    for (const auto& weak : sessions_)
      if (const auto core = weak.lock(); core && !core->ended()) views.push_back(core->view());
    return views;
  }
  [[nodiscard]] std::filesystem::path stderr_log(std::string_view server) const override {
    return pool_.stderr_log(server);
  }

  asio::awaitable<Result<StopReport>> stop_server(std::string server, StopRequest request) override {
    return pool_.stop_server(std::move(server), std::move(request));
  }
  void reload(const config::Config& config) override {
    pool_.reload(config);
    catalog_->servers_changed();
  }
  bool evict_idle(const std::string& reason) override { return pool_.evict_idle(reason); }

  std::shared_ptr<Catalog> catalog() override { return catalog_; }

  void close() override { pool_.close(); }
  asio::awaitable<bool> drained(std::chrono::steady_clock::time_point deadline) override {
    return pool_.drained(deadline);
  }

 private:
  // Trees that are no instance of a server: commands of jobs.
  void add_bare_trees(std::vector<InstanceView>& views) const;

  custody::Custodian& custodian_;
  const std::shared_ptr<Catalog> catalog_;
  Pool pool_;
  Held held_;
  std::list<std::weak_ptr<SessionCore>> sessions_;
};

void GatewayImpl::add_bare_trees(std::vector<InstanceView>& views) const {
  for (const auto& tree : custodian_.trees()) {
    if (std::ranges::any_of(views, [&](const auto& view) { return view.id == tree->id(); })) continue;
    views.push_back(view_of(*tree));
    if (const auto holder = held_.find(tree->id()); holder != held_.end())
      views.back().leases.push_back(holder->second);
  }
}

}  // namespace

std::unique_ptr<Gateway> Gateway::create(asio::io_context& loop, custody::Custodian& custodian,
                                         const config::Config& config, GatewayOptions options) {
  return std::make_unique<GatewayImpl>(loop, custodian, config, std::move(options));
}

}  // namespace holdfast::gateway
