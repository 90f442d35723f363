/* SPDX-License-Identifier: BSD-2-Clause */
#include "qmp.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

enum state { GREETING, CAPABILITIES, READY, BROKEN };

struct buffer {
    char *at;
    size_t size, capacity;
};

struct call {
    uint64_t id; /* 0: free */
    hf_qmp_done_fn *done;
    void *ctx;
};

struct hf_qmp {
    enum state state;
    struct buffer in;      /* one line that is not complete yet */
    struct buffer out;     /* to be sent now */
    struct buffer waiting; /* commands queued before READY */
    struct call calls[HF_QMP_CALLS_MAX];
    uint64_t last_id;
    struct hf_qmp_event *events; /* a ring of HF_QMP_EVENTS_MAX */
    size_t first_event, event_count;
    struct hf_qmp_version version;
};

static void json_drop(json_t **json)
{
    json_decref(*json);
}

/* ---- buffers ---- */

static int reserve(struct buffer *b, size_t more, size_t max, const char *what, struct hf_error *err)
{
    size_t capacity = b->capacity ? b->capacity : 4096;
    char *grown;

    if (more > max - b->size)
        return hf_error_set(err, HF_EPROTO, "QMP: %s exceeds %zu bytes", what, max);
    while (capacity < b->size + more)
        capacity *= 2;
    if (capacity == b->capacity)
        return 0;
    grown = realloc(b->at, capacity);
    if (!grown)
        return hf_error_nomem(err);
    b->at = grown;
    b->capacity = capacity;
    return 0;
}

static int append(struct buffer *b, const void *bytes, size_t size, size_t max, const char *what, struct hf_error *err)
{
    int r = reserve(b, size, max, what, err);

    if (r < 0)
        return r;
    memcpy(b->at + b->size, bytes, size);
    b->size += size;
    return 0;
}

/* ---- life ---- */

struct hf_qmp *hf_qmp_new(void)
{
    struct hf_qmp *qmp = calloc(1, sizeof *qmp);

    if (!qmp)
        return NULL;
    qmp->events = calloc(HF_QMP_EVENTS_MAX, sizeof *qmp->events);
    if (!qmp->events) {
        free(qmp);
        return NULL;
    }
    return qmp;
}

void hf_qmp_free(struct hf_qmp *qmp)
{
    struct hf_qmp_event event;

    if (!qmp)
        return;
    while (hf_qmp_next_event(qmp, &event))
        hf_qmp_event_done(&event);
    free(qmp->events);
    free(qmp->in.at);
    free(qmp->out.at);
    free(qmp->waiting.at);
    free(qmp);
}

static void end_calls(struct hf_qmp *qmp, const struct hf_error *err)
{
    for (size_t i = 0; i < HF_QMP_CALLS_MAX; i++) {
        struct call call = qmp->calls[i];
        if (call.id == 0)
            continue;
        qmp->calls[i].id = 0;
        if (call.done)
            call.done(call.ctx, NULL, err);
    }
}

static int broken(struct hf_qmp *qmp, int r, const struct hf_error *err)
{
    qmp->state = BROKEN;
    end_calls(qmp, err);
    return r;
}

void hf_qmp_close(struct hf_qmp *qmp)
{
    struct hf_error err;

    (void)hf_error_set(&err, HF_EIO, "QEMU closed its monitor");
    (void)broken(qmp, -HF_EIO, &err);
}

/* ---- commands ---- */

static struct call *free_call(struct hf_qmp *qmp)
{
    for (size_t i = 0; i < HF_QMP_CALLS_MAX; i++) {
        if (qmp->calls[i].id == 0)
            return &qmp->calls[i];
    }
    return NULL;
}

static int put_command(struct buffer *to, const char *command, const json_t *arguments, uint64_t id,
                       struct hf_error *err)
{
    hf_auto(json_drop) json_t *json = json_pack("{s:s, s:I}", "execute", command, "id", (json_int_t)id);
    hf_auto(hf_cleanup_free) char *line = NULL;

    if (!json || (arguments && json_object_set(json, "arguments", (json_t *)arguments) < 0))
        return hf_error_nomem(err);
    line = json_dumps(json, JSON_COMPACT);
    if (!line)
        return hf_error_nomem(err);
    int r = reserve(to, strlen(line) + 1, HF_QMP_OUTPUT_MAX, "output queue", err);
    if (r < 0)
        return r;
    (void)append(to, line, strlen(line), HF_QMP_OUTPUT_MAX, "", NULL);
    return append(to, "\n", 1, HF_QMP_OUTPUT_MAX, "", NULL);
}

static int queue(struct hf_qmp *qmp, struct buffer *to, const char *command, json_t *stolen, hf_qmp_done_fn *done,
                 void *ctx, struct hf_error *err)
{
    hf_auto(json_drop) json_t *arguments = stolen;
    struct call *call = free_call(qmp);
    int r;

    if (qmp->state == BROKEN)
        return hf_error_set(err, HF_EPROTO, "QMP %s: connection closed", command);
    if (!call)
        return hf_error_set(err, HF_EPROTO, "QMP %s: too many commands in progress; the limit is %u", command,
                            HF_QMP_CALLS_MAX);
    r = put_command(to, command, arguments, qmp->last_id + 1, err);
    if (r < 0)
        return r;
    *call = (struct call){.id = ++qmp->last_id, .done = done, .ctx = ctx};
    return 0;
}

int hf_qmp_call(struct hf_qmp *qmp, const char *command, json_t *arguments, hf_qmp_done_fn *done, void *ctx,
                struct hf_error *err)
{
    return queue(qmp, qmp->state == READY ? &qmp->out : &qmp->waiting, command, arguments, done, ctx, err);
}

const void *hf_qmp_output(const struct hf_qmp *qmp, size_t *size)
{
    *size = qmp->state == BROKEN ? 0 : qmp->out.size;
    return qmp->out.at;
}

void hf_qmp_sent(struct hf_qmp *qmp, size_t size)
{
    assert(size <= qmp->out.size);
    qmp->out.size -= size;
    if (qmp->out.size)
        memmove(qmp->out.at, qmp->out.at + size, qmp->out.size);
}

/* ---- what QEMU says ---- */

static void negotiated(void *ctx, const json_t *result, const struct hf_error *err)
{
    struct hf_qmp *qmp = ctx;

    if (!result || qmp->state != CAPABILITIES)
        return;
    qmp->state = READY;
    if (append(&qmp->out, qmp->waiting.at ? qmp->waiting.at : "", qmp->waiting.size, 2UL * HF_QMP_OUTPUT_MAX, "",
               NULL) < 0)
        qmp->state = BROKEN;
    free(qmp->waiting.at);
    qmp->waiting = (struct buffer){0};
}

static int on_greeting(struct hf_qmp *qmp, const json_t *json, struct hf_error *err)
{
    const json_t *v = json_object_get(json_object_get(json_object_get(json, "QMP"), "version"), "qemu");
    const json_t *parts[] = {json_object_get(v, "major"), json_object_get(v, "minor"), json_object_get(v, "micro")};
    int numbers[3];

    for (size_t i = 0; i < HF_ARRAY_SIZE(parts); i++) {
        json_int_t n = json_integer_value(parts[i]);
        if (!json_is_integer(parts[i]) || n < 0 || n > 9999)
            return hf_error_set(err, HF_EPROTO, "QMP: the first line is not a greeting with a QEMU version");
        numbers[i] = (int)n;
    }
    qmp->version = (struct hf_qmp_version){numbers[0], numbers[1], numbers[2]};
    qmp->state = CAPABILITIES;
    return queue(qmp, &qmp->out, "qmp_capabilities", NULL, negotiated, qmp, err);
}

static int on_event(struct hf_qmp *qmp, const json_t *json, struct hf_error *err)
{
    const char *name = json_string_value(json_object_get(json, "event"));
    json_t *data = json_object_get(json, "data");
    const json_t *time = json_object_get(json, "timestamp");
    struct hf_qmp_event *slot;
    json_int_t seconds = json_integer_value(json_object_get(time, "seconds"));
    json_int_t micros = json_integer_value(json_object_get(time, "microseconds"));

    if (!name || strlen(name) >= sizeof slot->name || (data && !json_is_object(data)))
        return hf_error_set(err, HF_EPROTO, "QMP: malformed event");
    if (qmp->event_count == HF_QMP_EVENTS_MAX)
        return hf_error_set(err, HF_EPROTO, "QMP: too many events at once; the limit is %u", HF_QMP_EVENTS_MAX);
    data = data ? json_incref(data) : json_object();
    if (!data)
        return hf_error_nomem(err);
    slot = &qmp->events[(qmp->first_event + qmp->event_count++) % HF_QMP_EVENTS_MAX];
    *slot = (struct hf_qmp_event){.data = data};
    snprintf(slot->name, sizeof slot->name, "%s", name);
    if (seconds >= 0 && seconds < INT64_MAX / 2000000 && micros >= 0 && micros < 1000000)
        slot->time_us = (int64_t)seconds * 1000000 + (int64_t)micros;
    return 0;
}

static struct call *call_of(struct hf_qmp *qmp, const json_t *id)
{
    for (size_t i = 0; json_is_integer(id) && i < HF_QMP_CALLS_MAX; i++) {
        if (qmp->calls[i].id && qmp->calls[i].id == (uint64_t)json_integer_value(id))
            return &qmp->calls[i];
    }
    return NULL;
}

static int on_reply(struct hf_qmp *qmp, const json_t *json, struct hf_error *err)
{
    const json_t *result = json_object_get(json, "return"), *error = json_object_get(json, "error");
    const char *class = json_string_value(json_object_get(error, "class"));
    const char *desc = json_string_value(json_object_get(error, "desc"));
    struct call *slot = call_of(qmp, json_object_get(json, "id")), call;
    struct hf_error refused;

    if (!slot)
        return hf_error_set(err, HF_EPROTO, "QMP: unexpected reply%s%.200s", desc ? ": " : "", desc ? desc : "");
    if (!result && !(class && desc))
        return hf_error_set(err, HF_EPROTO, "QMP: a reply with neither a result nor an error");
    call = *slot;
    slot->id = 0;
    if (!result)
        (void)hf_error_refuse(&refused, "qmp", "%.60s: %s", class, desc);
    if (call.done)
        call.done(call.ctx, result, result ? NULL : &refused);
    return 0;
}

static int on_line(struct hf_qmp *qmp, const char *line, size_t size, struct hf_error *err)
{
    json_error_t why;
    hf_auto(json_drop) json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, &why);

    if (!json_is_object(json))
        return hf_error_set(err, HF_EPROTO, "QMP: not a JSON object: %s", json ? "another value" : why.text);
    if (qmp->state == GREETING)
        return on_greeting(qmp, json, err);
    if (json_object_get(json, "event"))
        return on_event(qmp, json, err);
    return on_reply(qmp, json, err);
}

static bool is_blank(const char *line, size_t size)
{
    return size == 0 || (size == 1 && line[0] == '\r');
}

static int take_lines(struct hf_qmp *qmp, struct hf_error *err)
{
    size_t at = 0;
    char *end;

    while (at < qmp->in.size && (end = memchr(qmp->in.at + at, '\n', qmp->in.size - at))) {
        size_t size = (size_t)(end - (qmp->in.at + at));
        if (!is_blank(qmp->in.at + at, size)) {
            int r = on_line(qmp, qmp->in.at + at, size, err);
            if (r < 0)
                return r;
        }
        at += size + 1;
    }
    if (at) {
        qmp->in.size -= at;
        memmove(qmp->in.at, qmp->in.at + at, qmp->in.size);
    }
    return 0;
}

int hf_qmp_feed(struct hf_qmp *qmp, const void *bytes, size_t size, struct hf_error *err)
{
    struct hf_error why;
    int r;

    if (qmp->state == BROKEN)
        return hf_error_set(err, HF_EPROTO, "QMP: connection closed");
    r = append(&qmp->in, bytes, size, HF_QMP_LINE_MAX, "a line", &why);
    if (r == 0)
        r = take_lines(qmp, &why);
    if (r < 0) {
        if (err)
            *err = why;
        return broken(qmp, r, &why);
    }
    return 0;
}

bool hf_qmp_is_ready(const struct hf_qmp *qmp)
{
    return qmp->state == READY;
}

struct hf_qmp_version hf_qmp_version(const struct hf_qmp *qmp)
{
    return qmp->version;
}

bool hf_qmp_next_event(struct hf_qmp *qmp, struct hf_qmp_event *out)
{
    if (qmp->event_count == 0)
        return false;
    *out = qmp->events[qmp->first_event];
    qmp->first_event = (qmp->first_event + 1) % HF_QMP_EVENTS_MAX;
    qmp->event_count--;
    return true;
}

void hf_qmp_event_done(struct hf_qmp_event *event)
{
    json_decref(event->data);
    event->data = NULL;
}
