/* Generated from kTreeTable of src/custody/tree_state.h (README.md says how). Do not edit. */
#define S_starting 0
#define S_active 1
#define S_orphaned 2
#define S_stopping 3
#define S_unkillable 4
#define S_gone 5
#define EVENTS 7
#define E_started 0
#define E_orphan 1
#define E_stop 2
#define E_leader_left 3
#define E_keeper_lost 4
#define E_give_up 5
#define E_proven 6
#define A_none 0
#define A_serve 1
#define A_retire 2
#define A_ladder 3
#define A_report 4
#define A_bury 5
#define A_forbidden 6
hidden byte next_state[42];
hidden byte due[42];
inline read_table() {
  next_state[S_starting * EVENTS + E_started] = S_active; due[S_starting * EVENTS + E_started] = A_serve;
  next_state[S_starting * EVENTS + E_orphan] = S_starting; due[S_starting * EVENTS + E_orphan] = A_forbidden;
  next_state[S_starting * EVENTS + E_stop] = S_stopping; due[S_starting * EVENTS + E_stop] = A_retire;
  next_state[S_starting * EVENTS + E_leader_left] = S_stopping; due[S_starting * EVENTS + E_leader_left] = A_retire;
  next_state[S_starting * EVENTS + E_keeper_lost] = S_stopping; due[S_starting * EVENTS + E_keeper_lost] = A_retire;
  next_state[S_starting * EVENTS + E_give_up] = S_starting; due[S_starting * EVENTS + E_give_up] = A_forbidden;
  next_state[S_starting * EVENTS + E_proven] = S_gone; due[S_starting * EVENTS + E_proven] = A_bury;
  next_state[S_active * EVENTS + E_started] = S_active; due[S_active * EVENTS + E_started] = A_forbidden;
  next_state[S_active * EVENTS + E_orphan] = S_orphaned; due[S_active * EVENTS + E_orphan] = A_retire;
  next_state[S_active * EVENTS + E_stop] = S_stopping; due[S_active * EVENTS + E_stop] = A_retire;
  next_state[S_active * EVENTS + E_leader_left] = S_stopping; due[S_active * EVENTS + E_leader_left] = A_retire;
  next_state[S_active * EVENTS + E_keeper_lost] = S_stopping; due[S_active * EVENTS + E_keeper_lost] = A_retire;
  next_state[S_active * EVENTS + E_give_up] = S_active; due[S_active * EVENTS + E_give_up] = A_forbidden;
  next_state[S_active * EVENTS + E_proven] = S_active; due[S_active * EVENTS + E_proven] = A_forbidden;
  next_state[S_orphaned * EVENTS + E_started] = S_orphaned; due[S_orphaned * EVENTS + E_started] = A_forbidden;
  next_state[S_orphaned * EVENTS + E_orphan] = S_orphaned; due[S_orphaned * EVENTS + E_orphan] = A_none;
  next_state[S_orphaned * EVENTS + E_stop] = S_stopping; due[S_orphaned * EVENTS + E_stop] = A_ladder;
  next_state[S_orphaned * EVENTS + E_leader_left] = S_stopping; due[S_orphaned * EVENTS + E_leader_left] = A_ladder;
  next_state[S_orphaned * EVENTS + E_keeper_lost] = S_stopping; due[S_orphaned * EVENTS + E_keeper_lost] = A_ladder;
  next_state[S_orphaned * EVENTS + E_give_up] = S_orphaned; due[S_orphaned * EVENTS + E_give_up] = A_forbidden;
  next_state[S_orphaned * EVENTS + E_proven] = S_gone; due[S_orphaned * EVENTS + E_proven] = A_bury;
  next_state[S_stopping * EVENTS + E_started] = S_stopping; due[S_stopping * EVENTS + E_started] = A_none;
  next_state[S_stopping * EVENTS + E_orphan] = S_stopping; due[S_stopping * EVENTS + E_orphan] = A_none;
  next_state[S_stopping * EVENTS + E_stop] = S_stopping; due[S_stopping * EVENTS + E_stop] = A_none;
  next_state[S_stopping * EVENTS + E_leader_left] = S_stopping; due[S_stopping * EVENTS + E_leader_left] = A_none;
  next_state[S_stopping * EVENTS + E_keeper_lost] = S_stopping; due[S_stopping * EVENTS + E_keeper_lost] = A_none;
  next_state[S_stopping * EVENTS + E_give_up] = S_unkillable; due[S_stopping * EVENTS + E_give_up] = A_report;
  next_state[S_stopping * EVENTS + E_proven] = S_gone; due[S_stopping * EVENTS + E_proven] = A_bury;
  next_state[S_unkillable * EVENTS + E_started] = S_unkillable; due[S_unkillable * EVENTS + E_started] = A_forbidden;
  next_state[S_unkillable * EVENTS + E_orphan] = S_unkillable; due[S_unkillable * EVENTS + E_orphan] = A_none;
  next_state[S_unkillable * EVENTS + E_stop] = S_unkillable; due[S_unkillable * EVENTS + E_stop] = A_none;
  next_state[S_unkillable * EVENTS + E_leader_left] = S_unkillable; due[S_unkillable * EVENTS + E_leader_left] = A_none;
  next_state[S_unkillable * EVENTS + E_keeper_lost] = S_unkillable; due[S_unkillable * EVENTS + E_keeper_lost] = A_none;
  next_state[S_unkillable * EVENTS + E_give_up] = S_unkillable; due[S_unkillable * EVENTS + E_give_up] = A_none;
  next_state[S_unkillable * EVENTS + E_proven] = S_gone; due[S_unkillable * EVENTS + E_proven] = A_bury;
  next_state[S_gone * EVENTS + E_started] = S_gone; due[S_gone * EVENTS + E_started] = A_forbidden;
  next_state[S_gone * EVENTS + E_orphan] = S_gone; due[S_gone * EVENTS + E_orphan] = A_none;
  next_state[S_gone * EVENTS + E_stop] = S_gone; due[S_gone * EVENTS + E_stop] = A_none;
  next_state[S_gone * EVENTS + E_leader_left] = S_gone; due[S_gone * EVENTS + E_leader_left] = A_forbidden;
  next_state[S_gone * EVENTS + E_keeper_lost] = S_gone; due[S_gone * EVENTS + E_keeper_lost] = A_forbidden;
  next_state[S_gone * EVENTS + E_give_up] = S_gone; due[S_gone * EVENTS + E_give_up] = A_forbidden;
  next_state[S_gone * EVENTS + E_proven] = S_gone; due[S_gone * EVENTS + E_proven] = A_forbidden;
}
