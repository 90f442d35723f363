/* SPDX-License-Identifier: BSD-2-Clause */
#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "text.h"

#define LABEL_WIDTH 14

void hf_print_safely(FILE *to, const char *text)
{
    size_t length;

    for (; *text; text += length) {
        length = hf_utf8_length(text);
        if (length == 1 && (unsigned char)*text < 0x20)
            fprintf(to, "\\x%02x", (unsigned char)*text);
        else if (length)
            fwrite(text, 1, length, to);
        else {
            fprintf(to, "\\x%02x", (unsigned char)*text);
            length = 1;
        }
    }
}

/* Formats first, so that what a stranger's string contains is escaped whole, line ends included. */
static void HF_PRINTF(2, 0) print_text(FILE *to, const char *fmt, va_list ap)
{
    char *text = NULL;

    if (vasprintf(&text, fmt, ap) < 0)
        return;
    hf_print_safely(to, text);
    (void)putc('\n', to);
    free(text);
}

void hf_say(const struct hf_invocation *inv, const char *fmt, ...)
{
    va_list ap;

    if (inv->json && !inv->said)
        return;
    va_start(ap, fmt);
    if (inv->said)
        (void)vsnprintf(inv->said, HF_SAID_SIZE, fmt, ap);
    else
        print_text(stdout, fmt, ap);
    va_end(ap);
}

void hf_field(const struct hf_invocation *inv, const char *label, const char *fmt, ...)
{
    va_list ap;

    if (inv->json || inv->said)
        return;
    printf("%-*s ", LABEL_WIDTH, label);
    va_start(ap, fmt);
    print_text(stdout, fmt, ap);
    va_end(ap);
}

void hf_tell(const struct hf_invocation *inv, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "holdfast %s: ", inv->verb->name);
    va_start(ap, fmt);
    print_text(stderr, fmt, ap);
    va_end(ap);
}

void hf_put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) < 0)
        (void)json_object_set_new(object, "incomplete", json_true());
}

static json_t *text_value(const char *text)
{
    json_t *value;
    char *clean;

    if (!text)
        return json_null();
    value = json_string(text);
    if (value)
        return value;
    clean = hf_utf8_escape(text);
    value = clean ? json_string(clean) : NULL;
    free(clean);
    return value;
}

void hf_put_text(json_t *object, const char *key, const char *text)
{
    hf_put(object, key, text_value(text));
}

void hf_put_number(json_t *object, const char *key, int64_t value)
{
    hf_put(object, key, json_integer(value));
}

void hf_put_bool(json_t *object, const char *key, bool value)
{
    hf_put(object, key, json_boolean(value));
}

json_t *hf_put_array(json_t *object, const char *key)
{
    json_t *array = json_array();

    hf_put(object, key, array);
    return array;
}

json_t *hf_put_object(json_t *object, const char *key)
{
    json_t *member = json_object();

    hf_put(object, key, member);
    return member;
}

json_t *hf_append_object(json_t *array)
{
    json_t *member = json_object();

    (void)json_array_append_new(array, member);
    return member;
}

void hf_append_text(json_t *array, const char *text)
{
    (void)json_array_append_new(array, text_value(text));
}

const char *hf_size_text(uint64_t bytes, char text[HF_SIZE_TEXT_MAX])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    if ((double)(uint64_t)value < value)
        snprintf(text, HF_SIZE_TEXT_MAX, "%.1f %s", value, units[unit]);
    else
        snprintf(text, HF_SIZE_TEXT_MAX, "%llu %s", (unsigned long long)value, units[unit]);
    return text;
}

const char *hf_time_text(int64_t unix_seconds, char text[HF_TIME_TEXT_MAX])
{
    time_t t = (time_t)unix_seconds;
    struct tm tm;

    if (!unix_seconds)
        return "never";
    if (!gmtime_r(&t, &tm) || !strftime(text, HF_TIME_TEXT_MAX, "%Y-%m-%d %H:%M:%S UTC", &tm))
        snprintf(text, HF_TIME_TEXT_MAX, "@%lld", (long long)unix_seconds);
    return text;
}

static int print_json(json_t *object, struct hf_error *err)
{
    if (json_object_get(object, "incomplete"))
        return hf_error_nomem(err);
    if (json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) < 0)
        return hf_error_set(err, HF_EIO, "cannot write the report to standard output: %s", strerror(errno));
    putchar('\n');
    return 0;
}

/* Of a pipe. That it has read enough is no failure of the verb, and needs no message. */
static bool reader_left(void)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&p, 1, 0) > 0 && (p.revents & POLLERR);
}

int hf_output_finish(const struct hf_invocation *inv, struct hf_error *err)
{
    json_t *whole;
    int r = 0;

    if (inv->json) {
        whole = json_pack("{s:i, s:s}", "schema", HF_JSON_SCHEMA, "verb", inv->verb->name);
        if (!whole || json_object_update(whole, inv->report) < 0)
            r = hf_error_nomem(err);
        else
            r = print_json(whole, err);
        json_decref(whole);
    }
    if (r == 0 && (fflush(stdout) || ferror(stdout)))
        r = hf_error_set(err, HF_EIO, "cannot write to standard output: %s", strerror(errno));
    return r == -HF_EIO && reader_left() ? 0 : r;
}

void hf_output_error(const char *verb, const struct hf_error *err, int status)
{
    fputs(verb ? "holdfast " : "holdfast", stderr);
    if (verb)
        fputs(verb, stderr);
    fputs(": ", stderr);
    hf_print_safely(stderr, err->text);
    if (err->rule[0])
        fprintf(stderr, " (rule '%s', exit status %d)", err->rule, status);
    putc('\n', stderr);
}

void hf_put_error(json_t *object, const struct hf_error *err, int status)
{
    json_t *error = hf_put_object(object, "error");

    hf_put_text(error, "code", hf_code_text(err->code));
    hf_put_text(error, "rule", err->rule[0] ? err->rule : NULL);
    hf_put_text(error, "text", err->text);
    hf_put_number(error, "exit_status", status);
}

void hf_output_error_json(const struct hf_error *err, int status)
{
    json_t *whole = json_object();

    hf_put_number(whole, "schema", HF_JSON_SCHEMA);
    hf_put_error(whole, err, status);
    (void)print_json(whole, NULL);
    json_decref(whole);
    (void)fflush(stdout);
}
