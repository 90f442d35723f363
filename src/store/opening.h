/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to open.c: what an opening has found so far, and whether file, log and this boot's count of commits agree. */
#ifndef HF_OPENING_H
#define HF_OPENING_H

#include "handle.h"

struct hf_opening {
    struct hf_container *c;
    const struct hf_open_request *request;
    bool mark_known;
    uint64_t mark;                          /* what the file itself says, without its log */
    uint64_t log_mark;                      /* what the log's header says; 0: none */
    uint64_t seen;                          /* commits that this boot knows of, asked before the view's moment */
    int line;                               /* line.h; -1: not in it */
    bool crowded;                           /* others' changes keep getting in between */
    bool waited;                            /* for the line: everything is to be looked at anew */
    bool apart;                             /* file and log were read at two moments and did not fit */
    struct hf_ledger_row ledger[HF_TABLES]; /* the file's own; valid when mark_known */
};

/* opening_log.c. Each 0, or HF_EDAMAGED where it is not what the container was when it was last written. */
/* The log beside the file is the one that belongs to it. */
int hf_opening_check_log(struct hf_opening *o, struct hf_error *err);
/* What file and log say together, against what the file says alone. */
int hf_opening_check_view(struct hf_opening *o, struct hf_error *err);
/* Not fewer commits than this boot of the host knows of. */
int hf_opening_check_count(struct hf_opening *o, struct hf_error *err);

#endif
