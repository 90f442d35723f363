/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The move of a guest that runs, as docs/handover.md describes it: the hand-over of model/handover.pml with the two QEMUs
 * around it. Of the hand-over's own steps only one attempt's are here, over a connection that may be cut.
 *
 *   QEMU at the source:       RUNS -> PAUSED (pre-switchover, flash flushed) -> SENT (completed) -> GONE
 *   QEMU at the destination:  LOADING -> COMPLETE (paused) -> RUNS
 *
 * The manager of the source's host may resume QEMU there whenever it is paused (`cont` on a monitor of its own); the
 * supervisor hears of it later. A third host has a copy of the container as it was received, and hears all that is sent
 * to the destination. With FIRST_WRITE, as under libvirt, the guest runs at the destination before the claim, and its first
 * write waits for it.
 *
 * Shown by exhaustive search (tests/handover/model.py):
 *   1. never two owners, and no write is stored by a host that is none;
 *      a guest that was granted does not run at the source once its supervisor has heard of it;
 *   2. no acknowledged write is lost;
 *   3. in the end one host owns the container and runs the guest, and the other's QEMU does not run.
 */

#define WRITES  3 /* variables the guest writes, at most */
#define RESUMES 2 /* by the manager, at most */
#define MOVES   2 /* the operator begins, at most */

mtype:owner = { INCOMING, REVOKED, OWNED, GRANTED, DEPARTED };
mtype:qemu = { RUNS, PAUSED, SENT, GONE, LOADING, COMPLETE };
mtype:stage = { IDLE, MOVING, STANDING, GIVEN };
mtype:msg = { OFFER, READY, ASK, GRANT, CLAIMED, REVOKE, REFUSED, FAILED };

chan to_dst = [3] of { mtype:msg, byte, byte }; /* message, attempt, writes in it */
chan to_src = [3] of { mtype:msg, byte, byte };

mtype:owner disk_src = OWNED, disk_dst = REVOKED, disk_copy = INCOMING;
mtype:qemu qemu_src = RUNS, qemu_dst = GONE;
mtype:stage stage = IDLE;
byte attempt = 0, attempt_dst = 0;
byte vars_src = 0, vars_dst = 0, offered = 0, acked = 0;
byte resumes = 0;
bool connected = false;
bool continued = false; /* QEMU was told to go on behind pre-switchover */
bool promised = false;  /* granted on the disk, and nobody was told */
bool ready = false, asked = false, told = false;
bool resumed = false;   /* QEMU says that somebody resumed it, and the supervisor has not read that yet */
hidden byte a, n;

/* What is in flight is lost with the connection. */
inline drop_all()
{
    do
    :: to_dst ? _, _, _
    :: to_src ? _, _, _
    :: empty(to_dst) && empty(to_src) -> break
    od
}

/* Before the grant everything is as it was. */
inline abandon()
{
    if
    :: promised -> disk_src = OWNED; promised = false
    :: else
    fi;
    stage = IDLE; continued = false; ready = false; asked = false; connected = false;
    qemu_src = RUNS;
    drop_all();
    if
    :: disk_dst != OWNED -> qemu_dst = GONE; told = false
    :: else
    fi
}

proctype SourceQemu()
{
end:
    do
    :: atomic { qemu_src == RUNS && acked < WRITES && disk_src == OWNED -> /* another's write is refused by the server */
           vars_src++; acked = vars_src }
    :: atomic { qemu_src == RUNS && stage == MOVING -> qemu_src = PAUSED }
    :: atomic { qemu_src == PAUSED && continued -> qemu_src = SENT }
    od
}

proctype Manager()
{
end:
    do
    :: atomic { resumes < RESUMES && (qemu_src == PAUSED || qemu_src == SENT) && stage != IDLE ->
           qemu_src = RUNS; resumed = true; resumes++ }
    od
}

proctype Supervisor()
{
end:
    do
    :: atomic { stage == IDLE && disk_src == OWNED && attempt < MOVES ->
           attempt++; stage = MOVING; connected = true; offered = vars_src; to_dst ! OFFER, attempt, offered }
    :: atomic { stage == MOVING && qemu_src == PAUSED && nfull(to_dst) ->
           stage = STANDING; continued = true; ready = false; offered = vars_src; to_dst ! OFFER, attempt, offered }
    :: atomic { stage == STANDING && !promised && vars_src == offered && disk_src == OWNED ->
           disk_src = GRANTED; promised = true }
    :: atomic { stage == STANDING && !promised && vars_src != offered && disk_src == OWNED && nfull(to_dst) ->
           ready = false; offered = vars_src; to_dst ! OFFER, attempt, offered } /* rule "changed" */
#ifdef MUTANT_GRANT_WITHOUT_PROMISE
    :: atomic { stage == STANDING && ready && asked && !promised && nfull(to_dst) ->
           disk_src = GRANTED; stage = GIVEN; to_dst ! GRANT, attempt, offered }
#endif
    :: atomic { stage == STANDING && ready && asked && promised && nfull(to_dst) ->
           promised = false; stage = GIVEN; to_dst ! GRANT, attempt, offered }

    :: atomic { resumed && stage != GIVEN -> resumed = false;
           if
           :: stage != IDLE -> abandon()
           :: else
           fi }
    :: atomic { resumed && stage == GIVEN -> resumed = false;
#ifndef MUTANT_RESUMED_RUNS_ON
           if
           :: qemu_src == RUNS -> qemu_src = PAUSED
           :: else
           fi
#endif
           }

    :: atomic { connected -> /* it is cut */
           if
           :: stage == GIVEN -> connected = false; drop_all();
                  if
                  :: disk_dst != OWNED -> qemu_dst = GONE; told = false
                  :: else
                  fi
           :: else -> abandon()
           fi }
    :: atomic { stage == GIVEN && !connected -> connected = true; to_dst ! REVOKE, attempt, 0 } /* asks anew */

    :: atomic { to_src ?? [READY, a, n] -> to_src ?? READY, a, n; ready = (n == offered) }
    :: atomic { to_src ?? [ASK, a, n] -> to_src ?? ASK, a, n; asked = true }
    :: atomic { to_src ?? [CLAIMED, a, n] -> to_src ?? CLAIMED, a, n;
           if
           :: stage == GIVEN -> disk_src = DEPARTED; qemu_src = GONE; stage = IDLE; connected = false
           :: else
           fi }
    :: atomic { to_src ?? [REFUSED, a, n] -> to_src ?? REFUSED, a, n;
           if
           :: stage == GIVEN ->
                  disk_src = OWNED; qemu_src = RUNS; stage = IDLE; connected = false; continued = false; ready = false;
                  asked = false; drop_all()
           :: else
           fi }
    od
}

proctype Destination()
{
end:
    do
    :: atomic { to_dst ?? [OFFER, a, n] && nfull(to_src) -> to_dst ?? OFFER, a, n;
           if
           :: disk_dst != OWNED ->
                  disk_dst = INCOMING; disk_copy = INCOMING; attempt_dst = a; vars_dst = n; to_src ! READY, a, n;
                  if
                  :: qemu_dst == GONE -> qemu_dst = LOADING
                  :: else
                  fi
           :: else
           fi }
    :: atomic { qemu_dst == LOADING && qemu_src == SENT && connected ->
#ifdef FIRST_WRITE
           qemu_dst = RUNS
#else
           qemu_dst = COMPLETE
#endif
           }
    :: atomic { (qemu_dst == COMPLETE || qemu_dst == RUNS) && disk_dst == INCOMING && !told && connected && nfull(to_src) ->
           told = true; to_src ! ASK, attempt_dst, 0 }
    :: atomic { to_dst ?? [GRANT, a, n] && nfull(to_src) -> to_dst ?? GRANT, a, n;
#ifdef MUTANT_GRANT_FOR_ANYBODY
           if
           :: disk_copy = OWNED /* the third host heard it, too */
           :: skip
           fi;
#endif
           if
           :: disk_dst == INCOMING && a == attempt_dst && n == vars_dst && (qemu_dst == COMPLETE || qemu_dst == RUNS) ->
                  disk_dst = OWNED; qemu_dst = RUNS;
                  assert(disk_src != OWNED && vars_dst >= acked);
                  to_src ! CLAIMED, a, 0
           :: else
           fi }
    :: atomic { to_dst ?? [REVOKE, a, n] && nfull(to_src) -> to_dst ?? REVOKE, a, n;
           if
           :: disk_dst == OWNED -> to_src ! CLAIMED, a, 0
           :: else -> disk_dst = REVOKED; qemu_dst = GONE; told = false; to_src ! REFUSED, a, 0
           fi }
    /* The guest writes. Before the claim its write waits. */
#ifdef MUTANT_WRITE_BEFORE_CLAIM
    :: atomic { qemu_dst == RUNS && acked < WRITES ->
#else
    :: atomic { qemu_dst == RUNS && disk_dst == OWNED && acked < WRITES ->
#endif
           assert(disk_dst == OWNED); vars_dst++; acked = vars_dst }
    od
}

proctype Outcome()
{
    timeout ->
    assert((disk_src == OWNED) != (disk_dst == OWNED));
    assert(disk_src == OWNED -> qemu_src == RUNS && qemu_dst != RUNS && vars_src == acked :
                                qemu_dst == RUNS && qemu_src != RUNS && vars_dst == acked)
}

init { atomic { run SourceQemu(); run Manager(); run Supervisor(); run Destination(); run Outcome() } }

ltl always { [] (!(disk_src == OWNED && disk_dst == OWNED || disk_src == OWNED && disk_copy == OWNED ||
                   disk_dst == OWNED && disk_copy == OWNED) &&
                 !(stage == GIVEN && qemu_src == RUNS && !resumed)) }
