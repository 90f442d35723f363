/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hand-over of a container between two hosts, as docs/handover.md describes it.
 *
 * Two processes, source and destination, each with a container on its own disk. What is called disk_* survives a crash;
 * all else is lost with it. Messages are lost, repeated and overtaken. One crash happens, of either side, between any
 * two steps, or none. A guest writes variables wherever it runs. At any moment the weather turns fair (`fair`): no
 * further crash, no loss, nothing new is begun, and both sides only finish what is open.
 *
 * Shown by exhaustive search (tests/handover/model.py):
 *   1. never two writers, and every owner's epoch is higher than that of the owner before;
 *   2. no acknowledged write is lost: whoever owns the container has every write the guest was told is durable;
 *   3. once the weather is fair and all is quiet, both sides are up and exactly one of them runs the guest.
 *
 * Every step is labelled with its name in the step table of src/handover/steps.c; tests/handover/table.py compares the
 * two, state by state.
 */

#ifndef WRITES
#define WRITES 2 /* variables the guest writes, at most */
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2 /* hand-overs the source begins, at most */
#endif

mtype:owner = { NONE, INCOMING, REVOKED, OWNED, GRANTED, DEPARTED };
mtype:msg = { OFFER, READY, GRANT, CLAIMED, REVOKE, REFUSED };

chan to_dst = [2] of { mtype:msg, byte, byte }; /* message, attempt, writes in it */
chan to_src = [2] of { mtype:msg, byte, byte }; /* message, attempt, writes in it */

mtype:owner disk_src = OWNED, disk_dst = NONE;
byte disk_epoch_src = 1, disk_epoch_dst = 0;
byte disk_attempt_src = 0, disk_attempt_dst = 0;
byte disk_vars_src = 0, disk_vars_dst = 0; /* a number stands for the variables: writes come in order */

bool up_src = true, up_dst = true;
bool runs_src = true, runs_dst = false;
bool flushed = false; /* the guest stands still at the source and its last write is in the container */
bool promised = false; /* the source knows that what its disk says is granted was not said to anybody */
bool crashed = false, fair = false;
#ifdef MUTANT_GRANT_BEFORE_DISK
bool granting = false;
#endif

byte acked = 0;     /* writes the guest was told are durable */
byte top_epoch = 1; /* the highest epoch that ever owned */
hidden byte a, n;   /* of the message at hand: nothing is kept in them from one step to the next */

#define quiet (empty(to_dst) && empty(to_src))

inline tell_dst(m, a, n)
{
    if
    :: !fair -> skip /* lost */
    :: nfull(to_dst) -> to_dst ! m, a, n
    :: !fair && len(to_dst) == 0 -> to_dst ! m, a, n; to_dst ! m, a, n /* repeated */
    :: full(to_dst) -> skip /* lost, even in fair weather: the sender asks again */
    fi
}

inline tell_src(m, a, n)
{
    if
    :: !fair -> skip
    :: nfull(to_src) -> to_src ! m, a, n
    :: !fair && len(to_src) == 0 -> to_src ! m, a, n; to_src ! m, a, n
    :: full(to_src) -> skip
    fi
}

inline becomes_owner(epoch)
{
    assert(epoch > top_epoch);
    top_epoch = epoch
}

proctype Source()
{
end:
    do
    :: atomic { runs_src && !fair && acked < WRITES -> /* the guest writes */
           assert(disk_src == OWNED); disk_vars_src++; acked = disk_vars_src }

    :: atomic { disk_src == OWNED && up_src && !fair && disk_attempt_src < ATTEMPTS ->
offer:     disk_attempt_src++ }
    :: atomic { runs_src && !fair && disk_attempt_src > 0 ->
flush:     runs_src = false; flushed = true }
    :: atomic { (flushed || runs_src && disk_attempt_src > 0) && disk_src == OWNED && !fair ->
send:      tell_dst(OFFER, disk_attempt_src, disk_vars_src) }
    :: atomic { flushed && disk_src == OWNED ->
cancel:    flushed = false; runs_src = true }
    :: atomic { flushed && disk_src == OWNED && !fair ->
promise:   disk_src = GRANTED; promised = true }
#ifdef MUTANT_RETRACT_AFTER_GRANT
    :: atomic { flushed && disk_src == GRANTED ->
           disk_src = OWNED; promised = false; flushed = false; runs_src = true }
#endif
    :: atomic { flushed && disk_src == GRANTED && promised ->
retract:   disk_src = OWNED; promised = false; flushed = false; runs_src = true }

    :: atomic { up_src && to_src ?? [READY, a, n] -> to_src ?? READY, a, n;
           if
           :: flushed && (disk_src == OWNED || disk_src == GRANTED && promised) && a == disk_attempt_src && n == disk_vars_src ->
#ifdef MUTANT_GRANT_BEFORE_DISK
               tell_dst(GRANT, disk_attempt_src, disk_vars_src); granting = true
#else
grant:         disk_src = GRANTED; promised = false;
               tell_dst(GRANT, disk_attempt_src, disk_vars_src)
#endif
           :: else
           fi }
#ifdef MUTANT_GRANT_BEFORE_DISK
    :: atomic { granting && flushed && disk_src == OWNED -> disk_src = GRANTED; granting = false }
#endif
    :: atomic { up_src && disk_src == GRANTED && !promised && (quiet || !fair) ->
revoke:    tell_dst(REVOKE, disk_attempt_src, 0) }
    :: atomic { up_src && to_src ?? [CLAIMED, a, n] -> to_src ?? CLAIMED, a, n;
           if
           :: disk_src == GRANTED && !promised && a == disk_attempt_src ->
depart:        disk_src = DEPARTED; flushed = false
           :: else
           fi }
    :: atomic { up_src && to_src ?? [REFUSED, a, n] -> to_src ?? REFUSED, a, n;
           if
           :: disk_src == GRANTED && !promised && a == disk_attempt_src ->
resume:        disk_epoch_src = disk_epoch_src + 2;
               becomes_owner(disk_epoch_src);
               disk_src = OWNED; flushed = false; runs_src = true;
               assert(disk_vars_src >= acked)
           :: else
           fi }
#ifdef MUTANT_RESUME_UNASKED
    :: atomic { up_src && disk_src == GRANTED ->
           disk_epoch_src = disk_epoch_src + 2; disk_src = OWNED; flushed = false; runs_src = true }
#endif

    :: atomic { !crashed && !fair && up_src -> crashed = true; up_src = false; runs_src = false; flushed = false;
           promised = false }
    :: atomic { !up_src -> up_src = true; runs_src = (disk_src == OWNED) }
    od
}

proctype Destination()
{
end:
    do
    :: atomic { runs_dst && !fair && acked < WRITES ->
           assert(disk_dst == OWNED); disk_vars_dst++; acked = disk_vars_dst }

    :: atomic { up_dst && to_dst ?? [OFFER, a, n] -> to_dst ?? OFFER, a, n;
           if
           :: disk_dst != OWNED && disk_dst != GRANTED && a > disk_attempt_dst || disk_dst == INCOMING && a == disk_attempt_dst ->
ready:         disk_dst = INCOMING; disk_attempt_dst = a; disk_vars_dst = n;
               tell_src(READY, a, n)
           :: else
           fi }
    :: atomic { up_dst && to_dst ?? [GRANT, a, n] -> to_dst ?? GRANT, a, n;
           if
           :: disk_dst == INCOMING && a == disk_attempt_dst && n == disk_vars_dst ->
claim:         disk_epoch_dst = disk_epoch_src + 1;
               becomes_owner(disk_epoch_dst);
               disk_dst = OWNED; runs_dst = true;
               assert(disk_src != OWNED && disk_vars_dst >= acked);
               tell_src(CLAIMED, a, 0)
           :: disk_dst == OWNED && a == disk_attempt_dst -> tell_src(CLAIMED, a, 0)
           :: disk_dst == REVOKED && a == disk_attempt_dst -> tell_src(REFUSED, a, 0)
           :: a < disk_attempt_dst -> tell_src(CLAIMED, a, 0)
           :: else
           fi }
    :: atomic { up_dst && to_dst ?? [REVOKE, a, n] -> to_dst ?? REVOKE, a, n;
           if
           :: disk_dst == OWNED && a == disk_attempt_dst -> tell_src(CLAIMED, a, 0)
           :: a < disk_attempt_dst -> tell_src(CLAIMED, a, 0)
           :: disk_dst != OWNED && disk_dst != GRANTED && a >= disk_attempt_dst ->
refuse:        disk_dst = REVOKED; disk_attempt_dst = a;
               tell_src(REFUSED, a, 0)
           :: else
           fi }

    :: atomic { !crashed && !fair && up_dst -> crashed = true; up_dst = false; runs_dst = false }
    :: atomic { !up_dst -> up_dst = true; runs_dst = (disk_dst == OWNED) }
    od
}

proctype Weather()
{
    fair = true;
    timeout ->
    assert(up_src && up_dst);
    assert(runs_src != runs_dst);
    assert(runs_src == (disk_src == OWNED) && runs_dst == (disk_dst == OWNED));
    assert(runs_src -> disk_vars_src == acked : disk_vars_dst == acked)
}

init { atomic { run Source(); run Destination(); run Weather() } }

ltl one_writer { [] !(disk_src == OWNED && disk_dst == OWNED) }
