/* The custody of one tree, at the grain at which something can be killed: between any two statements (an atomic block
 * or d_step is one) the gateway, the keeper or both may die. README.md says what is left out and how to try a change.
 * Each #ifdef but LIVENESS takes one mechanism away or adds one evil: a mutant, in which a named claim must fail. */

#define DEATHS 2 /* of the gateway; one more life may follow the last */

#include "tree_table.pml" /* S_, E_, A_, next_state[], due[]: generated from src/custody/tree_state.h */
#define S_none EVENTS     /* the gateway has no such tree in its memory */

/* The server's processes. DOOMED: SIGKILL is pending; it forks no more, and dies when the kernel lets it. */
#define NOBODY 0
#define ALIVE 1
#define DOOMED 2
byte leader, helper; /* the helper has detached: double fork, setsid */

/* Whose descendants they are. */
#define OF_KEEPER 0
#define OF_GATEWAY 1
#define OF_INIT 2
byte child_of;
bit astray; /* the helper alone went to init */

#define K_NONE 0
#define K_BORN 1 /* spawned, has not started its server yet */
#define K_RUNS 2
#define K_ENDED 3 /* however it did: its end alone proves nothing */
byte keeper;
byte born; /* in which life of the gateway */

/* What the keeper said over its lifeline, and what it was told. */
bit said_started, said_left, said_stuck, asked;

/* On disk and in the kernel: what outlives everybody. A tree's name is used once. */
#define NO_ENTRY 0
#define INTENT 1
#define IDENTIFIED 2
byte ledger;
bit leaf, begun;

/* The gateway's memory. It dies with it. */
byte state;
#define UNHELD 0
#define IDLE 1  /* by policy */
#define LEASE 2 /* by a session */
byte wanted;
bit swept; /* while it was wanted */
bit up, serving, closing;
byte life;

bit leaves;    /* this machine has rung leaf, or rung tree only */
bit abandoned; /* nobody will start the gateway again */
bit shot;      /* its keeper was killed */

#define keeper_lives (keeper == K_BORN || keeper == K_RUNS)
#define keeper_ended (keeper == K_ENDED)
#define members (leader != NOBODY || helper != NOBODY)
#define unsignalled (leader == ALIVE || helper == ALIVE)

/* Whom somebody finds: by leaf, by descent, by what a later start can prove (identity, tag). */
#define keeper_finds_helper (leaf || !astray)
#define gateway_finds_helper (leaf || (child_of == OF_GATEWAY && !astray))
#define gateway_finds_leader (leaf || child_of == OF_GATEWAY)
#ifdef TAGLESS
#define recovery_finds_helper false
#else
#define recovery_finds_helper true
#endif
#define seen(by_leader, by_helper) ((leader != NOBODY && (by_leader)) || (helper != NOBODY && (by_helper)))
#define can_kill(by_leader, by_helper) ((leader == ALIVE && (by_leader)) || (helper == ALIVE && (by_helper)))

/* One pass of SIGKILL. */
inline kill_pass(by_leader, by_helper) {
  d_step {
    if
    :: leader == ALIVE && (by_leader) -> leader = DOOMED
    :: else
    fi;
    if
    :: helper == ALIVE && (by_helper) -> helper = DOOMED
    :: else
    fi
  }
}

/* The one way to change a tree's state, by the table of the code. */
inline apply(event) {
  d_step {
    assert(state != S_none && due[state * EVENTS + event] != A_forbidden);
    if
    :: due[state * EVENTS + event] == A_retire -> wanted = UNHELD /* who holds it is told, and lets go */
    :: else
    fi;
    state = next_state[state * EVENTS + event]
  }
}

inline keeper_ends() {
  d_step {
    if
    :: !members || child_of != OF_KEEPER
#ifndef NO_GATEWAY_SUBREAPER
    :: else -> child_of = (life == born -> OF_GATEWAY : OF_INIT)
#else
    :: else -> child_of = OF_INIT
#endif
    fi;
    keeper = (life == born -> K_ENDED : K_NONE); /* whose gateway is gone, init reaps */
    asked = 0; born = 0
  }
}

inline forget() {
  state = S_none; wanted = UNHELD; swept = 0;
  said_started = 0; said_left = 0; said_stuck = 0;
  child_of = (child_of == OF_GATEWAY -> OF_INIT : child_of);
  keeper = (keeper_ended -> K_NONE : keeper)
}
inline gateway_dies() {
  d_step { up = 0; serving = 0; closing = 0; life++; forget() }
}

inline died() {
  child_of = (members -> child_of : OF_KEEPER)
}

/* Forks once, exits when it likes, or never. */
proctype Server() {
  bit forked;
end:
  do
  :: d_step { leader == ALIVE && !forked -> forked = 1; helper = ALIVE;
#ifdef NO_KEEPER_SUBREAPER
       astray = 1
#endif
     }
  :: d_step { leader != NOBODY -> leader = NOBODY; forked = 0; died() }
  :: d_step { helper != NOBODY -> helper = NOBODY; astray = 0; died() }
#ifdef LIVENESS
  :: leader != DOOMED && helper != DOOMED /* nothing obliges it to fork or to exit */
#endif
  od
}

/* keeper.cc, keeper_start.cc. The polite rungs of its ladder are one here. */
#ifdef NO_LIFELINE
#define gateway_gone false
#else
#define gateway_gone (life != born)
#endif
#define keeper_sees seen(true, keeper_finds_helper)
#define keeper_can_kill can_kill(true, keeper_finds_helper)
proctype Keeper() {
end:
  keeper == K_BORN;
  {
    atomic {
      if
      :: leaves && !leaf -> keeper_ends() /* in a leaf that is gone nothing can be born */
      :: else -> leader = ALIVE; keeper = K_RUNS; said_started = (life == born)
      fi
    };
    atomic { /* the leader's end need not be the tree's: a helper may be served on */
      leader == NOBODY || asked || gateway_gone;
      if
      :: leader == NOBODY && keeper_sees -> !keeper_sees || asked || gateway_gone
      :: true
      fi;
      said_left = (life == born && !asked)
    };
    do /* its grace is over, or not yet */
    :: atomic { !keeper_sees -> keeper_ends() }
    :: keeper_can_kill -> kill_pass(true, keeper_finds_helper)
    :: d_step { keeper_sees && !keeper_can_kill && life == born && !said_stuck -> said_stuck = 1 }
    :: atomic { keeper_sees && !keeper_can_kill && gateway_gone -> keeper_ends() } /* gives up */
    od
  } unless { !keeper_lives }
}

/* What the gateway does for one tree: custodian.cc, start.cc, launch.cc, stop.cc, tend.cc, and the pool that holds it. */
#ifdef SWEEP_TAKES_ACTIVE
#define may_reap (state <= S_orphaned)
#else
#define may_reap (state == S_orphaned)
#endif
#ifdef EARLY_ORPHAN
#define may_orphan true
#else
#define may_orphan told /* before, the pool has no tree to make an orphan of */
#endif
#define over (state == S_none || state == S_gone)
#define gateway_sees seen(gateway_finds_leader, gateway_finds_helper)
#define gateway_can_kill can_kill(gateway_finds_leader, gateway_finds_helper)
proctype Custodian() {
  bit told, driven; /* told: whoever asked for it has the answer */
  byte mine;
end:
  do
  :: d_step { serving && !closing && !begun ->
       mine = life; begun = 1; state = S_starting; wanted = LEASE };
     {
#ifndef NO_INTENT
       ledger = INTENT;
#endif
       leaf = leaves;
       if
       :: d_step { keeper = K_BORN; born = life }
       :: goto bury /* no leaf, no pipes, no keeper to be had */
       fi;
       do
       :: !told && said_started ->
          if
          :: ledger = IDENTIFIED;
             atomic { told = 1; apply(E_started) }
          :: atomic { told = 1; driven = 1; apply(E_stop) } /* cancelled; or a full disk */
          fi
       :: atomic { !told && !said_started -> told = 1; driven = 1; apply(E_stop) } /* too late; cancelled */

       :: d_step { told && wanted == LEASE && state == S_active -> wanted = IDLE }
#ifndef LIVENESS
       :: d_step { told && wanted == IDLE && state == S_active -> wanted = LEASE } /* while there are clients */
#endif
       :: atomic { may_orphan && wanted != UNHELD && state < S_orphaned ->
            wanted = UNHELD;
#ifndef NO_ORPHANS
            apply(E_orphan)
#endif
          }

       :: atomic { told && !driven && state == S_orphaned -> driven = 1; apply(E_stop) } /* at once */
       :: atomic { told && !driven && may_reap -> driven = 1; swept = (wanted != UNHELD); apply(E_stop) }
       :: atomic { told && !driven && closing && state <= S_orphaned -> driven = 1; apply(E_stop) }
       :: d_step { told && driven && !asked && !said_left && keeper_lives -> asked = 1 }

       :: atomic { told && said_left && state <= S_orphaned -> driven = 1; apply(E_leader_left) }
       :: atomic { said_stuck && state == S_stopping -> apply(E_give_up) }
       :: keeper_ended && (told || !said_started) -> break
       od;
       atomic { told = 1; apply(E_keeper_lost) };
#ifndef KEEPERS_END_IS_PROOF
       do
       :: gateway_can_kill -> kill_pass(gateway_finds_leader, gateway_finds_helper)
       :: atomic { gateway_sees && !gateway_can_kill && state == S_stopping -> apply(E_give_up) }
       :: !gateway_sees -> break
       od;
#endif
bury:
       leaf = 0;
       ledger = NO_ENTRY;
       atomic { apply(E_proven); keeper = K_NONE; said_started = 0; said_left = 0; said_stuck = 0 };
end_buried:
       (false)
     } unless { life != mine };
     d_step { told = 0; driven = 0; mine = 0 }
  od
}

/* recovery.cc, survivors.cc: what a start does before it serves. */
#ifdef SLOW_KEEPER
#define settled true
#else
#define settled (ledger == IDENTIFIED || keeper != K_BORN || leaves)
#endif
#define recovery_sees seen(true, recovery_finds_helper)
#define recovery_can_kill can_kill(true, recovery_finds_helper)
inline recover() {
  if
  :: ledger == IDENTIFIED && keeper_lives -> /* it retires its tree: it gets its time, and no more */
     if
     :: !keeper_lives
     :: atomic { keeper_lives -> shot = 1; keeper_ends() }
     fi
  :: else
  fi;
  do /* stale leaves go by name, with or without an entry */
  :: leaf && unsignalled -> kill_pass(true, true)
  :: d_step { leaf && !members -> leaf = 0 }
  :: !leaf || (members && !unsignalled) -> break /* or out of patience */
  od;
  do
  :: ledger != NO_ENTRY && recovery_can_kill -> kill_pass(true, recovery_finds_helper)
  :: d_step { ledger != NO_ENTRY && !recovery_sees && settled && !leaf -> ledger = NO_ENTRY }
  :: ledger == NO_ENTRY || leaf || (recovery_sees && !recovery_can_kill) -> break /* or its entry stays */
  od
}

#define given_up (over || state == S_unkillable)
/* Its lives, one after the other: the lock of the state directory sees to that. */
proctype Gateway() {
  byte mine;
  do
  :: d_step { mine = life; up = 1 };
     {
#ifndef NO_RECOVERY
       recover();
#endif
       serving = 1;
end_serving:
       do
       :: life < DEATHS -> break /* an orderly end */
#ifdef LIVENESS
       :: up /* which nothing obliges it to */
#endif
       od;
       closing = 1;
       given_up -> gateway_dies()
     } unless { life != mine };
     if
     :: true
     :: abandoned = 1 -> break
     fi
  od
}

/* SIGKILL from outside, to the gateway, to a keeper, to one after the other. */
proctype Fate() {
end:
  do
  :: atomic { up && life < DEATHS -> gateway_dies() }
  :: atomic { keeper_lives -> shot = 1; keeper_ends() }
#ifdef LIVENESS
  :: life <= DEATHS /* nothing obliges it to kill */
#endif
  od
}

init {
  atomic {
    read_table();
    if
    :: leaves = 0
    :: leaves = 1
    fi;
    state = S_none;
    run Server(); run Keeper(); run Custodian();
    run Gateway(); run Fate()
  }
}

/* What must hold. */
#define members_are_recorded (members -> ledger != NO_ENTRY)
#define is_left (keeper_lives || members)
#define next_may_start (serving && begun && over)
#define helpless (abandoned && shot) /* gateway and keeper were killed, and there is no next start */
ltl recorded { [] members_are_recorded }
ltl spared { [] !swept }
ltl alone { [] !(next_may_start && unsignalled) }
ltl gone { [] (is_left -> <> (!is_left || helpless)) }
