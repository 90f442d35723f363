/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one error convention of this project.
 *
 * A function that can fail returns `int`: 0 (or a count) on success, minus one of `enum hf_code` on failure. Its
 * out-parameters come last and are untouched on failure. Where words help, the very last parameter is
 * `struct hf_error *err`: the function fills it exactly once, on failure only. `err` may be NULL when the caller
 * needs the code alone.
 *
 * Libraries return errors, programs print them: nothing below cli/, nbdkit/ and libvirt/ writes to stderr.
 *
 * A message names what was being read or done, the field, the value found, the limit or the value wanted, and what
 * the reader can do. It has no trailing full stop and no newline. User strings stand between 'ticks'.
 *
 * Freestanding: needs nothing but <stdarg.h>, <stdbool.h> and <stddef.h>. Thread rules: a `struct hf_error` belongs to its caller.
 */
#ifndef HOLDFAST_ERROR_H
#define HOLDFAST_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HF_PUBLIC __attribute__((visibility("default")))

/* What a caller can tell apart. */
enum hf_code {
    HF_OK = 0,
    HF_EIO,       /* the system refused: read, write, sync, socket, process; the text has strerror's words */
    HF_ENOMEM,    /* out of memory, or the caller's buffer is too small (the text says which and how much) */
    HF_ENOSPC,    /* no room on the disk, in the variable store, in the fw_cfg directory, ... */
    HF_EUSAGE,    /* the caller's arguments are wrong */
    HF_EREFUSED,  /* a rule forbids it; hf_error.rule names the rule */
    HF_ENOTFOUND, /* no such file, variable, image, domain, snapshot, ... */
    HF_EDAMAGED,  /* bytes that should be ours are not what they should be; nothing was changed */
    HF_EOWNED,    /* owned or locked by another process or host; the text names the holder */
    HF_EVERSION,  /* well-formed, but a newer format than this program reads */
    HF_EPROTO,    /* a peer (QEMU, guest, other host) said something outside the protocol */
    HF_ETIMEDOUT, /* a peer did not answer in time */
    HF_ECANCELED, /* the operator or the peer called it off; the state is as before */
    HF_EUNSYNCED, /* done, but the last sync failed: a crash of the host may undo it; hf_error_unsynced() */
    HF_CODE_MAX,
};

#define HF_ERROR_TEXT_MAX 512
#define HF_ERROR_RULE_MAX 64

struct hf_error {
    enum hf_code code;
    char rule[HF_ERROR_RULE_MAX]; /* HF_EREFUSED: the rule's short name ("pair"); else "" */
    char text[HF_ERROR_TEXT_MAX]; /* UTF-8, NUL terminated, cut with "..." when longer */
};

#define HF_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Fills *err (when not NULL) and returns -code, so that `return hf_error_set(err, HF_EIO, ...)` reads well. */
HF_PUBLIC int hf_error_set(struct hf_error *err, enum hf_code code, const char *fmt, ...) HF_PRINTF(3, 4);

/* The same for a refusal: code HF_EREFUSED and the name of the rule, which is copied. */
HF_PUBLIC int hf_error_refuse(struct hf_error *err, const char *rule, const char *fmt, ...) HF_PRINTF(3, 4);

/* Whether *err is a refusal by this rule. */
HF_PUBLIC bool hf_error_is_rule(const struct hf_error *err, const char *rule);

/* What was to be done is done, readers see it, and nothing is to be done again; but it may not be on the disk. `why` is
 * what the sync said. Returns -HF_EUNSYNCED. */
HF_PUBLIC int hf_error_unsynced(struct hf_error *err, const char *object, const char *why);

/* No memory: code HF_ENOMEM, "out of memory". */
static inline int hf_error_nomem(struct hf_error *err)
{
    return hf_error_set(err, HF_ENOMEM, "out of memory");
}

/* Puts context in front of a message that is already there: "G.hold: " + text. Returns -err->code (or `code` when
 * err is NULL), so a caller can write `return hf_error_prefix(err, r, "%s: ", path)`. */
HF_PUBLIC int hf_error_prefix(struct hf_error *err, int r, const char *fmt, ...) HF_PRINTF(3, 4);

/* One short sentence for a code ("not found"); never NULL. */
HF_PUBLIC const char *hf_code_text(enum hf_code code);

#ifdef __cplusplus
}
#endif
#endif
