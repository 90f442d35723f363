/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * walk-writes BANK LOG [SAVE-DIR INDEX...]: stops a guest after each of its flash writes, so to speak.
 *
 * BANK is the bank as it was; LOG is what QEMU's blklogwrites driver recorded. After every write the bank must be one
 * that strict reading accepts, and its variables may differ from those before in one variable at most: added, removed
 * or replaced, whole. Prints one line for each change ("INDEX + NAME HEX", "INDEX - NAME", "INDEX ! NAME HEX") and a
 * last line of counts. The banks after the writes INDEX... are saved to SAVE-DIR/INDEX.fd.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <holdfast/endian.h>
#include <holdfast/ucs2.h>
#include <holdfast/varstore.h>

enum { MAX = 8192 };

struct side {
    struct hf_varstore store;
    struct hf_var vars[MAX];
    uint8_t *bank;
};

static size_t changes, pending, torn;

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long n;

    if (!f || fseek(f, 0, SEEK_END) || (n = ftell(f)) < 0)
        exit(2);
    rewind(f);
    bytes = (uint8_t *)malloc((size_t)n + 1);
    if (!bytes || fread(bytes, 1, (size_t)n, f) != (size_t)n)
        exit(2);
    (void)fclose(f);
    *size = (size_t)n;
    return bytes;
}

static void save(const char *directory, uint64_t index, const uint8_t *bank, size_t size)
{
    char path[4096];
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/%llu.fd", directory, (unsigned long long)index);
    f = fopen(path, "wb");
    if (!f || fwrite(bank, 1, size, f) != size || fclose(f))
        exit(2);
}

static void say(uint64_t index, char what, const struct hf_var *v)
{
    char name[256];

    (void)hf_ucs2_to_utf8(v->name, v->name_size, name, sizeof name);
    printf("%llu %c %s", (unsigned long long)index, what, name);
    for (uint32_t i = 0; what != '-' && i < v->data_size && i < 64; i++)
        printf("%s%02x", i ? "" : " ", v->data[i]);
    printf("\n");
}

/* How many variables are not the same; says each. */
static size_t compare(uint64_t index, const struct hf_varstore *a, const struct hf_varstore *b)
{
    size_t n = 0;

    for (size_t i = 0; i < a->count; i++) {
        const struct hf_var *v = &a->vars[i], *o = hf_varstore_find(b, &v->guid, v->name, v->name_size);

        if (o && hf_var_equal(v, o))
            continue;
        say(index, o ? '!' : '-', o ? o : v);
        n++;
    }
    for (size_t i = 0; i < b->count; i++) {
        const struct hf_var *v = &b->vars[i];

        if (!hf_varstore_find(a, &v->guid, v->name, v->name_size)) {
            say(index, '+', v);
            n++;
        }
    }
    return n;
}

static void open_or_fail(struct side *s, size_t size, uint64_t index)
{
    struct hf_error err;

    if (hf_varstore_open(s->bank, size, HF_VARSTORE_STRICT, s->vars, MAX, NULL, NULL, &s->store, &err) < 0) {
        printf("FAIL after write %llu: %s\n", (unsigned long long)index, err.text);
        save(".", index, s->bank, size);
        exit(1);
    }
    pending += s->store.pending;
    torn += s->store.torn;
}

int main(int argc, char **argv)
{
    static struct side now, before;
    size_t size, log_size, sector, at;
    uint64_t entries;
    uint8_t *log;

    if (argc < 3)
        return 2;
    now.bank = read_file(argv[1], &size);
    before.bank = read_file(argv[1], &size);
    log = read_file(argv[2], &log_size);
    entries = hf_le64_get(*(const hf_le64 *)(log + 16));
    sector = hf_le32_get(*(const hf_le32 *)(log + 24));
    open_or_fail(&before, size, 0);
    at = sector;
    for (uint64_t i = 1; i <= entries && log_size - at >= sector; i++) {
        uint64_t where = hf_le64_get(*(const hf_le64 *)(log + at)) * sector;
        uint64_t length = hf_le64_get(*(const hf_le64 *)(log + at + 8)) * sector;
        uint64_t flags = hf_le64_get(*(const hf_le64 *)(log + at + 16));

        at += sector;
        if (flags & 4) /* a discard carries no data */
            continue;
        if (length > log_size - at || where > size || length > size - where)
            return 2;
        if (memcmp(now.bank + where, log + at, length) != 0) {
            memcpy(now.bank + where, log + at, length);
            open_or_fail(&now, size, i);
            if (compare(i, &before.store, &now.store) > 1) {
                printf("FAIL after write %llu: more than one variable changed\n", (unsigned long long)i);
                save(".", i, now.bank, size);
                return 1;
            }
            changes++;
            memcpy(before.bank + where, log + at, length);
            open_or_fail(&before, size, i);
        }
        for (int k = 4; k < argc; k++)
            if (strtoull(argv[k], NULL, 10) == i)
                save(argv[3], i, now.bank, size);
        at += length;
    }
    printf("done %llu writes, %zu changes, %zu with a rewrite pending, %zu torn\n", (unsigned long long)entries,
           changes, pending / 2, torn / 2);
    free(log);
    return 0;
}
