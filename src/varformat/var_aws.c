/* SPDX-License-Identifier: BSD-2-Clause */
#include "var_aws.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include <holdfast/endian.h>
#include <holdfast/ucs2.h>

#include "aws_dictionary.h"
#include "base64.h"
#include "certdb.h"
#include "cleanup.h"
#include "crc32.h"
#include "cursor.h"

enum { VARIABLES_MAX = 10000 };

static const char magic[8] = {'A', 'M', 'Z', 'N', 'U', 'E', 'F', 'I'};

struct head {
    char magic[8];
    hf_le32 crc; /* CRC32C of what follows */
    hf_le32 version;
};
_Static_assert(sizeof(struct head) == 16, "the head of uefi-data");

bool hf_var_aws_is(const void *bytes, size_t size)
{
    static const char begin[] = "QU1aTlVFRk"; /* base64 of the magic, but for its last two bits */

    return size >= sizeof begin - 1 && memcmp(bytes, begin, sizeof begin - 1) == 0;
}

static const uint8_t *take_blob(struct hf_cursor *c, size_t *size)
{
    uint64_t n = hf_cursor_le64(c);
    const uint8_t *bytes = hf_cursor_take(c, n);

    *size = bytes ? (size_t)n : 0;
    return bytes;
}

/* The name's characters, which have no NUL in this form. */
static int take_name(struct hf_cursor *c, size_t index, uint8_t **ucs2, uint32_t *ucs2_size, struct hf_error *err)
{
    size_t size;
    const uint8_t *bytes = take_blob(c, &size);
    hf_auto(hf_cleanup_free) char *text = NULL;
    hf_auto(hf_cleanup_free) uint8_t *name = NULL;
    int n;

    if (!bytes || size == 0 || memchr(bytes, 0, size))
        return hf_error_set(err, HF_EDAMAGED, "uefi-data: variable %zu: name: %s", index,
                            bytes ? "empty, or with a NUL inside" : "it runs past the end");
    text = strndup((const char *)bytes, size);
    name = (uint8_t *)malloc(2 * (size + 1));
    if (!text || !name)
        return hf_error_nomem(err);
    n = hf_ucs2_from_utf8(text, name, 2 * (size + 1));
    if (n < 0)
        return hf_error_set(err, HF_EDAMAGED, "uefi-data: variable %zu: name: not UTF-8", index);
    *ucs2 = hf_take_ptr(name);
    *ucs2_size = (uint32_t)n;
    return 0;
}

static int take_variable(struct hf_cursor *c, size_t index, struct hf_var_set *set, struct hf_var_set *signers,
                         struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *name = NULL;
    const uint8_t *digest = NULL;
    struct hf_var var = {0};
    size_t data_size, digest_size = 0;
    int r = take_name(c, index, &name, &var.name_size, err);

    if (r < 0)
        return r;
    var.name = name;
    var.data = take_blob(c, &data_size);
    var.data_size = (uint32_t)data_size;
    hf_cursor_copy(c, &var.guid, sizeof var.guid);
    var.attributes = hf_cursor_le32(c);
    if (var.attributes & HF_VAR_TIME_AUTHENTICATED) {
        hf_cursor_copy(c, var.time, sizeof var.time);
        digest = take_blob(c, &digest_size);
    }
    if (c->bad || data_size == 0)
        return hf_error_set(err, HF_EDAMAGED, "uefi-data: variable %zu: %s", index,
                            c->bad ? "it runs past the end" : "no data");
    if (digest_size && digest_size != HF_CERTDB_DIGEST)
        return hf_error_set(err, HF_EDAMAGED, "uefi-data: variable %zu: digest: %zu bytes; 0 or %d are valid", index,
                            digest_size, HF_CERTDB_DIGEST);
    if (hf_var_set_find(set, &var))
        return hf_error_set(err, HF_EDAMAGED, "uefi-data: variable %zu: its name and GUID a second time", index);
    r = hf_var_set_put(set, &var, err);
    return r == 0 && digest_size ? hf_certdb_note(signers, &var, digest, err) : r;
}

int hf_var_aws_parse(const void *bytes, size_t size, struct hf_var_set *set, struct hf_error *err)
{
    hf_auto(hf_var_set_done) struct hf_var_set read = {0}, signers = {0};
    struct hf_cursor c = hf_cursor_of(bytes, size);
    uint64_t count = hf_cursor_le64(&c);
    int r = 0;

    if (c.bad || count > VARIABLES_MAX)
        return hf_error_set(err, HF_EDAMAGED, "uefi-data: count of variables: %llu; the limit is %d",
                            (unsigned long long)count, VARIABLES_MAX);
    for (uint64_t i = 0; r == 0 && i < count; i++)
        r = take_variable(&c, (size_t)i, &read, &signers, err);
    if (r == 0 && hf_cursor_left(&c))
        r = hf_error_set(err, HF_EDAMAGED, "uefi-data: %zu bytes behind the last variable", hf_cursor_left(&c));
    if (r == 0 && signers.count && !hf_certdb_in(read.vars, read.count)) {
        read.digests = true;
        r = hf_var_set_put(&read, &signers.vars[0], err);
    }
    if (r < 0)
        return r;
    hf_var_set_done(set);
    *set = read;
    read = (struct hf_var_set){0};
    return 0;
}

/* At most HF_VAR_AWS_MAX bytes come out of it. */
static int unpack(const uint8_t *packed, size_t packed_size, uint8_t **ret, size_t *ret_size, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *bytes = (uint8_t *)malloc(HF_VAR_AWS_MAX);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed,
                  .avail_in = (uInt)packed_size,
                  .next_out = bytes,
                  .avail_out = HF_VAR_AWS_MAX};
    int done;

    if (!bytes || inflateInit(&z) != Z_OK)
        return hf_error_nomem(err);
    done = inflate(&z, Z_FINISH);
    if (done == Z_NEED_DICT && inflateSetDictionary(&z, hf_aws_dictionary, (uInt)hf_aws_dictionary_size) == Z_OK)
        done = inflate(&z, Z_FINISH);
    (void)inflateEnd(&z);
    if (done == Z_NEED_DICT)
        return hf_error_set(err, HF_EVERSION, "uefi-data: packed with another dictionary than that of version 0");
    if (done == Z_BUF_ERROR && z.avail_out == 0)
        return hf_error_refuse(err, "size", "uefi-data: more than %u bytes inside", HF_VAR_AWS_MAX);
    if (done != Z_STREAM_END || z.avail_in)
        return hf_error_set(err, HF_EDAMAGED, "uefi-data: %s",
                            done == Z_STREAM_END ? "bytes behind the zlib stream" : "invalid zlib stream");
    *ret_size = HF_VAR_AWS_MAX - z.avail_out;
    *ret = hf_take_ptr(bytes);
    return 0;
}

int hf_var_aws_read(const void *text, size_t size, struct hf_var_set *set, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *all = NULL, *inside = NULL;
    struct head head;
    size_t all_size = 0, inside_size = 0;
    uint32_t crc;
    int r;

    if (size > HF_VAR_AWS_MAX)
        return hf_error_refuse(err, "size", "uefi-data: %zu bytes; the limit is %u", size, HF_VAR_AWS_MAX);
    r = hf_base64_decode(text, size, &all, &all_size, err);
    if (r < 0)
        return hf_error_prefix(err, r, "uefi-data: ");
    if (all_size < sizeof head)
        return hf_error_set(err, HF_EDAMAGED, "uefi-data: it ends in its header");
    memcpy(&head, all, sizeof head);
    if (memcmp(head.magic, magic, sizeof magic) != 0)
        return hf_error_set(err, HF_EDAMAGED, "uefi-data: it does not begin with AMZNUEFI");
    crc = hf_crc32c(0, all + 12, all_size - 12);
    if (crc != hf_le32_get(head.crc))
        return hf_error_set(err, HF_EDAMAGED, "uefi-data: checksum 0x%08x; its bytes give 0x%08x",
                            hf_le32_get(head.crc), crc);
    if (hf_le32_get(head.version) != 0)
        return hf_error_set(err, HF_EVERSION, "uefi-data: version %u; this program reads 0", hf_le32_get(head.version));
    r = unpack(all + sizeof head, all_size - sizeof head, &inside, &inside_size, err);
    return r < 0 ? r : hf_var_aws_parse(inside, inside_size, set, err);
}

/* Room that was counted before; nothing can overflow it. */
struct writer {
    uint8_t *to;
};

static void put(struct writer *w, const void *bytes, size_t size)
{
    if (size)
        memcpy(w->to, bytes, size);
    w->to += size;
}

static void put_blob(struct writer *w, const void *bytes, size_t size)
{
    const hf_le64 n = hf_le64_of(size);

    put(w, &n, sizeof n);
    put(w, bytes, size);
}

/* The name as this form has it; NULL text: it cannot hold it. */
static char *name_of(const struct hf_var *var)
{
    size_t room = (size_t)var->name_size / 2 * 3 + 1;
    char *text = (char *)malloc(room);

    if (text && !hf_ucs2_to_utf8(var->name, var->name_size, text, room))
        text[0] = '\0';
    return text;
}

static size_t room_for(const struct hf_var *vars, size_t count)
{
    size_t room = 8;

    for (size_t i = 0; i < count; i++)
        room += 8 + (size_t)vars[i].name_size / 2 * 3 + 8 + vars[i].data_size + 16 + 4 + 16 + 8 + HF_CERTDB_DIGEST;
    return room;
}

static int put_all(struct writer *w, const struct hf_var *vars, size_t count, struct hf_error *err)
{
    const struct hf_var *certdb = hf_certdb_in(vars, count);
    uint8_t *counted = w->to;
    uint64_t n = 0;
    hf_le64 total;

    w->to += sizeof total;
    for (size_t i = 0; i < count; i++) {
        const struct hf_var *v = &vars[i];
        hf_auto(hf_cleanup_free) char *name = name_of(v);
        const hf_le32 attributes = hf_le32_of(v->attributes);
        const uint8_t *digest = hf_certdb_find(certdb, v);

        if (!name)
            return hf_error_nomem(err);
        if (v == certdb || !name[0])
            continue;
        put_blob(w, name, strlen(name));
        put_blob(w, v->data, v->data_size);
        put(w, &v->guid, sizeof v->guid);
        put(w, &attributes, sizeof attributes);
        if (v->attributes & HF_VAR_TIME_AUTHENTICATED) {
            put(w, v->time, sizeof v->time);
            put_blob(w, digest, digest ? HF_CERTDB_DIGEST : 0);
        }
        n++;
    }
    total = hf_le64_of(n);
    memcpy(counted, &total, sizeof total);
    return 0;
}

/* The head and the stream; allocated. */
static int pack(const uint8_t *bytes, size_t size, uint8_t **ret, size_t *ret_size, struct hf_error *err)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)size};
    hf_auto(hf_cleanup_free) uint8_t *all = NULL;
    struct head head = {.version = hf_le32_of(0)};
    size_t room;
    int done;

    if (deflateInit(&z, Z_BEST_COMPRESSION) != Z_OK)
        return hf_error_nomem(err);
    room = deflateBound(&z, (uLong)size) + 16;
    all = (uint8_t *)malloc(sizeof head + room);
    if (!all || deflateSetDictionary(&z, hf_aws_dictionary, (uInt)hf_aws_dictionary_size) != Z_OK) {
        (void)deflateEnd(&z);
        return hf_error_nomem(err);
    }
    z.next_out = all + sizeof head;
    z.avail_out = (uInt)room;
    done = deflate(&z, Z_FINISH);
    (void)deflateEnd(&z);
    if (done != Z_STREAM_END)
        return hf_error_set(err, HF_EIO, "uefi-data: zlib error %d", done);
    *ret_size = sizeof head + room - z.avail_out;
    memcpy(head.magic, magic, sizeof magic);
    memcpy(all, &head, sizeof head);
    head.crc = hf_le32_of(hf_crc32c(0, all + 12, *ret_size - 12));
    memcpy(all, &head, sizeof head);
    *ret = hf_take_ptr(all);
    return 0;
}

int hf_var_aws_write(const struct hf_var *vars, size_t count, char **text, struct hf_error *err)
{
    hf_auto(hf_cleanup_free) uint8_t *inside = (uint8_t *)malloc(room_for(vars, count)), *all = NULL;
    struct writer w = {.to = inside};
    size_t size = 0;
    int r;

    if (!inside)
        return hf_error_nomem(err);
    r = put_all(&w, vars, count, err);
    if (r == 0)
        r = pack(inside, (size_t)(w.to - inside), &all, &size, err);
    return r < 0 ? r : hf_base64_encode(all, size, text, err);
}
