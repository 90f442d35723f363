/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an NBD server tells the process that started it: lines on a pipe.
 *
 *      ready
 *      failed CODE TEXT            it ends now; CODE is a number of enum hf_code
 *      behind SINCE BYTES TEXT     commits fail since SINCE (seconds since 1970), BYTES wait; TEXT says why
 *      caught-up                   everything is in the container again
 *      writer PID                  who writes the variables in this start; the server after this one is told (nbd_server.c)
 *      whole PID                   it begins to write the whole bank, which waits for hf_nbd_server_allow() where that was asked for
 *      alarm TEXT                  something that an operator has to know; the server goes on
 *      wanted                      a first write waits until the container, which is being received, is claimed
 *
 * Pure.
 */
#ifndef HF_NBD_STATUS_H
#define HF_NBD_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include <holdfast/error.h>

enum hf_nbd_status_kind {
    HF_NBD_READY = 1,
    HF_NBD_FAILED,
    HF_NBD_BEHIND,
    HF_NBD_CAUGHT_UP,
    HF_NBD_WANTED,
    HF_NBD_WRITER,
    HF_NBD_WHOLE,
    HF_NBD_ALARM,
    HF_NBD_DIED, /* no line: the process ended */
};

struct hf_nbd_status {
    enum hf_nbd_status_kind kind;
    enum hf_code code;            /* FAILED */
    int64_t pid;                  /* WRITER, WHOLE */
    int64_t since;                /* BEHIND */
    uint64_t bytes;               /* BEHIND */
    char text[HF_ERROR_TEXT_MAX]; /* FAILED, BEHIND, ALARM: why; DIED: its last words, or how it ended */
};

#define HF_NBD_STATUS_LINE_MAX (HF_ERROR_TEXT_MAX + 64)

/* Writes the line with its newline and a NUL and returns its length; control characters of the text become spaces. Not
 * for HF_NBD_DIED. */
size_t hf_nbd_status_format(const struct hf_nbd_status *s, char line[HF_NBD_STATUS_LINE_MAX]);

/* Reads a line without its newline. HF_EPROTO: not one of the above. */
int hf_nbd_status_parse(const char *line, struct hf_nbd_status *out, struct hf_error *err);

#endif
