/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every program of ours does about signals, the nbdkit plugin and libvirt's guard included. Nothing else in the
 * tree changes a signal's disposition or the signal mask.
 *
 *   - SIGPIPE is ignored: a reader that goes away fails the write (EPIPE), never the process, and with it a guest.
 *   - SIGXFSZ is ignored: a file that reached the limit of `ulimit -f` fails the write (EFBIG).
 *   - SIGCHLD is the default: some managers ignore it, and nobody would learn how a child ended.
 *   - SIGINT, SIGTERM and SIGHUP ask the program to end: the default, or hf_signals_watch(). A SIGHUP that the caller
 *     ignores (nohup) stays ignored, for children, too.
 *   - All others are as they were.
 */
#ifndef HF_SIGNALS_H
#define HF_SIGNALS_H

#include <stddef.h>

#include <holdfast/error.h>

/* First thing in main(), or when a plugin is loaded. */
void hf_signals_init(void);

/* In a child, between fork and exec: every disposition is the default and nothing is blocked, as programs expect; only
 * an ignored SIGHUP stays so. Async-signal-safe. */
void hf_signals_for_exec(void);

/* From now on the signals that ask this program to end, and the `count` ones in `more`, are read from *fd
 * (signalfd_siginfo, close-on-exec, non-blocking). Threads that are started later inherit that. HF_EIO. */
int hf_signals_watch(const int *more, size_t count, int *fd, struct hf_error *err);

/* From now on those that ask this program to end call `handler`, which also interrupts a system call. */
void hf_signals_catch(void (*handler)(int));

#endif
