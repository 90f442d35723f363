/* SPDX-License-Identifier: BSD-2-Clause */
#include "stubbing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A key that QEMU would read as more than a key (",," in an option, or JSON, makes one) is not kept. */
void hf_stubbing_put(struct hf_stubbing *s, const char *key, const char *value)
{
    if (strpbrk(key, ",="))
        return;

    size_t room = s->size + strlen(key) + 2 * strlen(value) + 3;
    char *grown = s->bad ? NULL : realloc(s->text, room), *to;

    if (!grown) {
        s->bad = true;
        return;
    }
    s->text = grown;
    to = grown + s->size;
    to += sprintf(to, "%s%s=", s->size ? "," : "", key);
    for (; *value; value++) {
        if (*value == ',')
            *to++ = ',';
        *to++ = *value;
    }
    *to = '\0';
    s->size = (size_t)(to - grown);
}

void hf_stubbing_emit(struct hf_stubbing *s, const char *option, const char *argument)
{
    hf_words_addf(&s->stub.words, "-%s", option);
    if (argument)
        hf_words_add(&s->stub.words, argument);
}

void hf_stubbing_tell(struct hf_stubbing *s, const char *what)
{
    hf_words_addf(&s->stub.left_out, "-%s%s%.80s", s->option, *what ? " " : "", what);
}

bool hf_stands_in(const char *word, const char *const *list)
{
    for (; *list; list++) {
        size_t n = strlen(*list);

        if ((*list)[n - 1] == '*' ? !strncmp(word, *list, n - 1) : !strcmp(word, *list))
            return true;
    }
    return false;
}

int hf_stubbing_rebuild(struct hf_stubbing *s, const char *text, const char *implied, hf_option_pair_fn *pair,
                        struct hf_error *err)
{
    int r = hf_option_text_each_as_is(text, implied, pair, s, err);

    if (r < 0)
        return hf_error_prefix(err, r, "-%s: ", s->option);
    hf_stubbing_finish(s);
    return 0;
}

void hf_stubbing_finish(struct hf_stubbing *s)
{
    char what[sizeof s->kind + sizeof s->omitted];

    snprintf(what, sizeof what, "%s%s", s->kind, s->drop ? "" : s->kind[0] ? s->omitted : s->omitted + 1);
    if (s->drop || s->omitted[0])
        hf_stubbing_tell(s, what);
    if (!s->drop && s->size)
        hf_stubbing_emit(s, s->option, s->text);
}

void hf_stubbing_omit(struct hf_stubbing *s, const char *key)
{
    size_t used = strlen(s->omitted);

    snprintf(s->omitted + used, sizeof s->omitted - used, ",%s", key);
}

void hf_stubbing_note_kind(struct hf_stubbing *s, const char *value)
{
    snprintf(s->kind, sizeof s->kind, "%.60s", value);
}

int hf_stub_keep(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    hf_stubbing_emit(s, s->option, text);
    return 0;
}

int hf_stub_leave_out(struct hf_stubbing *s, const char *text, struct hf_error *err)
{
    hf_stubbing_tell(s, "");
    return 0;
}
