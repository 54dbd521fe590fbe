# The gateway's side of custody: a library that knows nothing of MCP.
set(HOLDFAST_CUSTODIAN_SOURCES
    types.cc tree_state.cc identity.cc ledger.cc resolve.cc rungs.cc strays.cc launch.cc tree_impl.cc start.cc
    stop.cc tend.cc survivors.cc recovery.cc custodian.cc ../os/stopped.cc)
holdfast_library(custody SOURCES ${HOLDFAST_CUSTODIAN_SOURCES} DEPS holdfast::ladder holdfast::os holdfast::base)
# The negative control: a custodian whose sweeps take what is held, too. A contract test linked against it must fail.
holdfast_library(custody_mutant SOURCES ${HOLDFAST_CUSTODIAN_SOURCES} DEPS holdfast::ladder holdfast::os holdfast::base)
target_compile_definitions(holdfast_custody_mutant PRIVATE HOLDFAST_MUTANT_SWEEP_ACTIVE)

holdfast_test(custody SOURCES tree_state_test.cc ledger_test.cc resolve_test.cc identity_test.cc survivors_test.cc
              DEPS holdfast::custody)
