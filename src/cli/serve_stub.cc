// The tests of the verbs start no gateway.
#include "daemon/daemon.h"

namespace holdfast::daemon {
int serve(const ServeOptions&) { return 0; }
}  // namespace holdfast::daemon
