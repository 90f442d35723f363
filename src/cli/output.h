/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a verb prints. Reports go to standard output: text for people, or with --json one object that carries
 * "schema": 1. Standard error is for the one error line, for what hf_tell() tells and for progress.
 *
 * Guests, images and peers choose many of the strings that we print. On its way to a terminal every control character
 * is written as \xNN, so that a variable's name cannot move the cursor or forge a line.
 */
#ifndef HF_OUTPUT_H
#define HF_OUTPUT_H

#include <stdio.h>

#include "verb.h"

#define HF_JSON_SCHEMA 1

/* One line for people; printed unless --json was given. The line end is added: `fmt` has none. */
void hf_say(const struct hf_invocation *inv, const char *fmt, ...) HF_PRINTF(2, 3);

/* "Label          text", labels padded to one width; skipped with --json. */
void hf_field(const struct hf_invocation *inv, const char *label, const char *fmt, ...) HF_PRINTF(3, 4);

/* Adds a member and owns `value`. Running out of memory is reported once, when the report is printed. */
void hf_put(json_t *object, const char *key, json_t *value);
void hf_put_text(json_t *object, const char *key, const char *text); /* NULL: null; other than UTF-8: \xNN */
void hf_put_number(json_t *object, const char *key, int64_t value);
void hf_put_bool(json_t *object, const char *key, bool value);
json_t *hf_put_array(json_t *object, const char *key);  /* borrowed */
json_t *hf_put_object(json_t *object, const char *key); /* borrowed */
json_t *hf_append_object(json_t *array);                /* borrowed */
void hf_append_text(json_t *array, const char *text);
void hf_put_error(json_t *object, const struct hf_error *err, int status); /* the member "error" */

/* One line on standard error, with --json too: "holdfast VERB: ...". For what cannot wait for the report, or has to be
 * seen though standard output goes to a program. */
void hf_tell(const struct hf_invocation *inv, const char *fmt, ...) HF_PRINTF(2, 3);

/* A table for people: cells are text, columns as wide as their widest cell. Same rules for strangers' strings. */
struct hf_table;
struct hf_table *hf_table_new(const char *const *headings);                     /* NULL terminated */
void hf_table_cell(struct hf_table *t, const char *fmt, ...) HF_PRINTF(2, 3);   /* the next cell, row by row */
void hf_table_print(const struct hf_invocation *inv, const struct hf_table *t); /* prints nothing with --json */
void hf_table_free(struct hf_table *t);
static inline void hf_table_cleanup(struct hf_table **t)
{
    hf_table_free(*t);
}

/* "3.5 MiB", "540 KiB", "84 bytes"; exact multiples without a fraction. */
#define HF_SIZE_TEXT_MAX 24
const char *hf_size_text(uint64_t bytes, char text[HF_SIZE_TEXT_MAX]);

/* "2026-11-21 21:24:16 UTC"; "never" for 0. UTC, so that hosts can be compared. */
#define HF_TIME_TEXT_MAX 32
const char *hf_time_text(int64_t unix_seconds, char text[HF_TIME_TEXT_MAX]);

/* Writes `text` with control characters, line ends among them, as \xNN. */
void hf_print_safely(FILE *to, const char *text);

/* The framework's: the report or the error, in the form asked for. Returns 0, also when the reader of a pipe has left
 * before its end; -HF_EIO when standard output cannot be written. */
int hf_output_finish(const struct hf_invocation *inv, struct hf_error *err);
void hf_output_error(const char *verb, const struct hf_error *err, int status);
void hf_output_error_json(const struct hf_error *err, int status);

#endif
