/* SPDX-License-Identifier: BSD-2-Clause */
/* `receive --run`: a running guest comes, and its supervisor stays when the connection that brought it has ended. */
#ifndef HF_LIVE_RECEIVE_H
#define HF_LIVE_RECEIVE_H

#include "supervisor.h"
#include "verb.h"

/* Speaks on standard input and output. Returns, as a verb does, when the guest is ours and runs in another process, in
 * a session of its own, or with the reason why it is not. `options` has no `say`. `caps` as and `timeout_s`
 * as in supervisor.h. */
int hf_live_receive(const struct hf_run_options *options, const char *caps, unsigned timeout_s, bool take_arguments,
                    struct hf_error *err);

#endif
