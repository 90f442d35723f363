/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_set.h"

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static void free_bytes(struct hf_var *var)
{
    free((void *)(uintptr_t)var->name); /* name and data are one block, ours */
}

void hf_var_set_done(struct hf_var_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        free_bytes(&set->vars[i]);
    free(set->vars);
    *set = (struct hf_var_set){0};
}

static struct hf_var *position(const struct hf_var_set *set, const struct hf_var *key)
{
    for (size_t i = 0; i < set->count; i++)
        if (hf_var_same_key(&set->vars[i], key))
            return &set->vars[i];
    return NULL;
}

const struct hf_var *hf_var_set_find(const struct hf_var_set *set, const struct hf_var *key)
{
    return position(set, key);
}

static int grow(struct hf_var_set *set, struct hf_error *err)
{
    size_t capacity = set->capacity ? set->capacity * 2 : 64;
    struct hf_var *vars;

    if (set->count < set->capacity)
        return 0;
    vars = (struct hf_var *)realloc(set->vars, capacity * sizeof *vars);
    if (!vars)
        return hf_error_set(err, HF_ENOMEM, "%zu variables: out of memory", capacity);
    set->vars = vars;
    set->capacity = capacity;
    return 0;
}

int hf_var_set_put(struct hf_var_set *set, const struct hf_var *var, struct hf_error *err)
{
    struct hf_var copy = *var, *old;
    uint8_t *bytes;
    int r = grow(set, err);

    if (r < 0)
        return r;
    bytes = (uint8_t *)malloc((size_t)var->name_size + var->data_size + 1);
    if (!bytes)
        return hf_error_set(err, HF_ENOMEM, "variable of %u bytes: out of memory", var->data_size);
    memcpy(bytes, var->name, var->name_size);
    memcpy(bytes + var->name_size, var->data, var->data_size);
    copy.name = bytes;
    copy.data = bytes + var->name_size;
    old = position(set, var);
    if (old)
        free_bytes(old);
    else
        old = &set->vars[set->count++];
    *old = copy;
    return 0;
}

bool hf_var_set_remove(struct hf_var_set *set, const struct hf_var *key)
{
    struct hf_var *var = position(set, key);

    if (!var)
        return false;
    free_bytes(var);
    set->count--;
    memmove(var, var + 1, (size_t)(set->vars + set->count - var) * sizeof *var);
    return true;
}

int hf_var_set_copy(struct hf_var_set *set, const struct hf_varstore *store, struct hf_error *err)
{
    hf_auto(hf_var_set_done) struct hf_var_set copy = {0};

    for (size_t i = 0; i < store->count; i++) {
        int r = hf_var_set_put(&copy, &store->vars[i], err);

        if (r < 0)
            return r;
    }
    hf_var_set_done(set);
    *set = copy;
    copy = (struct hf_var_set){0};
    return 0;
}
