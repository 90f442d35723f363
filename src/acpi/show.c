/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/acpi_script.h>

#include "format.h"
#include "acpi_table.h"

#include <string.h>

struct line {
    char *buf;
    size_t size, len;
};

static void add(struct line *l, const char *fmt, ...) HF_PRINTF(2, 3);
static void add(struct line *l, const char *fmt, ...)
{
    va_list ap;

    if (l->size - l->len < 4)
        return;
    va_start(ap, fmt);
    l->len += hf_vformat(l->buf + l->len, l->size - l->len, fmt, ap);
    va_end(ap);
}

size_t hf_acpi_zone_text(uint8_t zone, char *buf, size_t size)
{
    static const char *const names[] = {
        [HF_ACPI_ZONE_HIGH] = "HIGH", [HF_ACPI_ZONE_FSEG] = "FSEG", [HF_ACPI_ZONE_64BIT] = "64BIT"};
    unsigned place = zone & ~HF_ACPI_CONTENT_NOACPI;
    const char *content = zone & HF_ACPI_CONTENT_NOACPI ? ", no ACPI" : "";

    if (place < sizeof names / sizeof names[0] && names[place])
        return hf_format(buf, size, "%s%s", names[place], content);
    return hf_format(buf, size, "unknown (0x%x)%s", place, content);
}

/* Printable bytes of a name as it stands in the command, at most 56. */
static void add_name(struct line *l, const char *name)
{
    size_t n = 0;

    while (n < HF_ACPI_NAME_SIZE && name[n] != 0)
        n++;
    if (n == 0)
        add(l, "''");
    for (size_t i = 0; i < n; i++)
        add(l, "%c", name[i] >= 0x20 && name[i] < 0x7f ? name[i] : '?');
    if (n == HF_ACPI_NAME_SIZE)
        add(l, "[no NUL]");
}

/* The signature of the table that begins at `offset`, or of the nearest one before it that reaches over it: tables
 * begin where pointers point, so every pointer's target is a candidate. "" when there is none. */
static const uint8_t *table_over(const struct hf_acpi_bundle *b, int32_t file, uint64_t offset)
{
    const uint8_t *best = NULL;
    uint64_t best_at = 0;

    for (size_t i = 0; i < hf_acpi_command_count(b); i++) {
        struct hf_acpi_cmd c = hf_acpi_decode(b, i);
        const struct hf_acpi_file *f = file >= 0 ? &b->files[file] : NULL;

        if (c.command != HF_ACPI_ADD_CHECKSUM || c.dest != file || !f || c.start > f->size || f->size - c.start < 8)
            continue;
        if (offset < c.start || offset - c.start >= c.length || c.start < best_at)
            continue;
        best = f->bytes + c.start;
        best_at = c.start;
    }
    if (!best && file >= 0 && offset <= b->files[file].size && b->files[file].size - offset >= HF_ACPI_FACS_SIZE &&
        memcmp(b->files[file].bytes + offset, "FACS", 4) == 0)
        best = b->files[file].bytes + offset;
    return best && hf_acpi_is_signature(best) ? best : NULL;
}

static void add_place(struct line *l, const struct hf_acpi_bundle *b, const char *name, int32_t file, uint64_t offset)
{
    const uint8_t *signature = table_over(b, file, offset);

    add_name(l, name);
    add(l, "+0x%llx", (unsigned long long)offset);
    if (signature)
        add(l, " (%.*s)", 4, (const char *)signature);
    else if (file >= 0 && b->files[file].size >= 8 && memcmp(b->files[file].bytes, "RSD PTR ", 8) == 0)
        add(l, " (RSDP)");
    if (file == HF_ACPI_NO_FILE)
        add(l, " [no such file]");
}

static void show_allocate(struct line *l, const struct hf_acpi_bundle *b, const struct hf_acpi_record *r,
                          const struct hf_acpi_cmd *c)
{
    char zone[32];

    (void)hf_acpi_zone_text(c->zone, zone, sizeof zone);
    add(l, "ALLOCATE ");
    add_name(l, r->u.allocate.file);
    add(l, " align %u zone %s", c->align, zone);
    if (c->dest >= 0)
        add(l, ", %zu bytes", b->files[c->dest].size);
    else if (c->dest == HF_ACPI_NO_FILE)
        add(l, " [no such file]");
}

static void show_pointer(struct line *l, const struct hf_acpi_bundle *b, const struct hf_acpi_record *r,
                         const struct hf_acpi_cmd *c)
{
    bool readable = c->dest >= 0 && hf_acpi_is_width(c->size) && c->offset <= b->files[c->dest].size &&
                    c->size <= b->files[c->dest].size - c->offset;
    uint64_t target = readable ? hf_acpi_get(b->files[c->dest].bytes + c->offset, c->size) : 0;

    add(l, "ADD_POINTER ");
    add_place(l, b, r->u.pointer.dest, c->dest, c->offset);
    add(l, " %u bytes -> ", c->size);
    add_place(l, b, r->u.pointer.src, c->src, target);
    if (!readable)
        add(l, " [field not in the file]");
}

static void show_checksum(struct line *l, const struct hf_acpi_bundle *b, const struct hf_acpi_record *r,
                          const struct hf_acpi_cmd *c)
{
    add(l, "ADD_CHECKSUM ");
    add_place(l, b, r->u.checksum.file, c->dest, c->offset);
    add(l, " over 0x%x, %u bytes", c->start, c->length);
}

static void show_write(struct line *l, const struct hf_acpi_bundle *b, const struct hf_acpi_record *r,
                       const struct hf_acpi_cmd *c)
{
    add(l, "WRITE_POINTER ");
    add_name(l, r->u.write.dest);
    add(l, "+0x%x %u bytes <- address of ", c->offset, c->size);
    add_place(l, b, r->u.write.src, c->src, c->src_offset);
}

size_t hf_acpi_show(const struct hf_acpi_bundle *b, size_t index, char *buf, size_t size)
{
    static void (*const show[])(struct line *, const struct hf_acpi_bundle *, const struct hf_acpi_record *,
                                const struct hf_acpi_cmd *) = {
        [HF_ACPI_ALLOCATE] = show_allocate,
        [HF_ACPI_ADD_POINTER] = show_pointer,
        [HF_ACPI_ADD_CHECKSUM] = show_checksum,
        [HF_ACPI_WRITE_POINTER] = show_write,
    };
    struct line l = {.buf = buf, .size = size};
    struct hf_acpi_cmd c = hf_acpi_decode(b, index);
    struct hf_acpi_record r;

    buf[0] = 0;
    memcpy(&r, b->script + index * sizeof r, sizeof r);
    if (c.command == HF_ACPI_PADDING)
        add(&l, "padding");
    else if (c.command < sizeof show / sizeof show[0])
        show[c.command](&l, b, &r, &c);
    else
        add(&l, "unknown command 0x%x", c.command);
    return l.len;
}
