// Negative controls: one mechanism switched off, in a build of its own that a test has to find fault with
// (holdfast_mutant in cmake/holdfast.cmake). In every other build all of them are on, and this costs nothing.
#pragma once

#ifndef HOLDFAST_MUTANT
#define HOLDFAST_MUTANT none
#endif

namespace holdfast {

enum class Mechanism {
  none,
  // the keeper
  keeper_subreaper,       // what detaches comes to it
  lifeline,               // it hears what the gateway says, and that it is gone
  gateway_pidfd,          // it sees that the gateway died, whoever holds the lifeline
  gateway_death,          // it acts upon either
  init_dies_with_keeper,  // a namespace's init ends with it, by the kernel's hand
  process_limits,         // what no cgroup limits, each process is
  descent,                // who is signalled descends from it while a handle holds them
  // the custodian
  gateway_subreaper,      // a dead keeper's children come to the gateway
  strays,                 // they are found and ended
  sweep_spares_the_held,  // a sweep takes orphans only
  ledger,                 // trees are on disk: both of the next two
  ledger_intent,          // before the first process
  ledger_identity,        // who the keeper and the leader are, as soon as they run
  recorded_handle,        // the handle of the leader itself, not of who has its number by now
  identity,               // a recorded number names whom it named then, or nobody
  leader_lives,           // a leader speaks for others only while its number is its own
  stale_leaves,           // a start ends what a dead gateway's leaves hold
  leaf_lock,              // but not a leaf that a living keeper holds
  newborn_continued,      // a keeper that was stopped before it executed goes on at once
  // what container runtimes run for a tree
  containers,       // it ends with the tree, and the proof waits for it
  left_containers,  // a start ends what a double death left
  container_label,  // and nobody else
  // the kernel's means
  cgroup_kill,         // the whole leaf at once, whoever its members belong to
  descriptor_reserve,  // some descriptors are kept back for ending and proving
  shortage_news,       // who lacked a descriptor while looking has proven nothing
  quiet_vfork,         // who waits for a newborn is not chosen to hear of it
  // the gateway
  orphan_at_last_lease,          // what nobody holds any more is orphaned, and reaped at once
  proof_before_the_next,         // the next instance of a key starts when the old one is proven gone
  calls_hold_off_idleness,       // no idle deadline ends an instance with a call in flight
  reload_spares_the_unchanged,   // an entry that reads as before is left alone
  drain_spares_the_used,         // what drains ends when its last use does
  eviction_spares_the_held,      // what somebody holds is nobody's to evict
  nothing_is_guessed,            // what a server says of itself reaches whom it belongs to, or nobody
  session_ends_with_its_stream,  // where the stream cannot be taken up again
  keys_part,                     // what is shared by key is shared with nobody of another one
  pinned_version,                // what is run in a launcher's place is of the version that was asked for
  catalog_on_disk,               // what a server listed is known after a restart
  catalog_identity,              // and of whom it was
  // what is elsewhere
  taken_up_again,  // a stream that broke goes on behind its last event
  goodbye_there,   // a session that nobody needs any more is ended there
  certificate,     // who is spoken to by TLS has proven who it is
  // what clients and servers do to each other through it
  one_request_of_an_id,     // of a session at a time
  cancelled_is_unanswered,  // what its client withdrew
  tokens_are_our_own,       // a server never sees a client's progress token
  end_fails_calls,          // a server that ends fails what it has in flight
  slow_readers_go,          // whoever does not read is let go over a bound
  stderr_is_read,           // whatever becomes of it
  // who may come in
  token_secret,              // a token is known by its secret, not by its id
  token_rights,              // and has its own rights only
  lent_tokens_end,           // a run's with the run
  session_of_its_principal,  // nobody else's requests are of a session
  foreign_pages,             // a page that a browser shows gets no further than its Host and Origin
  request_rate,              // as often as the configuration says
  connection_bound,          // and on as many connections
  one_backlog,               // what waits for all of them is bounded, too
  audit_secrets,             // what is recorded of a call holds none
  // where the clocks of a zone are set
  end_of_the_gap,        // a time of day that is skipped is due when the gap ends
  first_pass_only,       // one that comes twice is due once
  days_that_never_were,  // what a zone has left out whole is due on no other day
  elapsed_time,          // an interval is due whenever the clock shows it
  // what a service manager is told
  readiness,  // that it serves, and that it ends
  watchdog,   // that its loop turns
};

// Not inline: every source that is compiled again has its own.
constexpr Mechanism kSwitchedOff = Mechanism::HOLDFAST_MUTANT;

}  // namespace holdfast
