/* SPDX-License-Identifier: BSD-2-Clause */
#include <holdfast/devpath.h>

#include <string.h>

#include <holdfast/ucs2.h>

#include "cursor.h"
#include "textbuf.h"

/* One node's contents, behind its 4 header bytes. */
struct node {
    uint8_t type, subtype;
    const uint8_t *body;
    uint16_t size;
};

typedef void (*node_printer)(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c);

static struct hf_guid take_guid(struct hf_cursor *c)
{
    struct hf_guid g;

    hf_cursor_copy(c, &g, sizeof g);
    return g;
}

static void rest_hex(struct hf_textbuf *t, struct hf_cursor *c)
{
    size_t left = hf_cursor_left(c);

    if (left)
        hf_textbuf_add(t, ",");
    hf_textbuf_hex(t, hf_cursor_take(c, left), left);
}

static void pci(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    uint8_t function = hf_cursor_u8(c);

    hf_textbuf_add(t, "Pci(0x%x,0x%x)", hf_cursor_u8(c), function);
}

static void memory_mapped(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    uint32_t type = hf_cursor_le32(c);
    uint64_t start = hf_cursor_le64(c);

    hf_textbuf_add(t, "MemoryMapped(0x%x,0x%llx,0x%llx)", type, (unsigned long long)start,
                   (unsigned long long)hf_cursor_le64(c));
}

static void vendor(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    static const struct {
        struct hf_guid guid;
        const char *name;
    } terminals[] = {
        {HF_GUID(0xe0c14753, 0xf9be, 0x11d2, 0x9a0c, 0x0090273fc14d), "VenPcAnsi()"},
        {HF_GUID(0xdfa66065, 0xb419, 0x11d3, 0x9a2d, 0x0090273fc14d), "VenVt100()"},
        {HF_GUID(0x7baec70b, 0x57e0, 0x4c76, 0x8e87, 0x2f9e28088343), "VenVt100Plus()"},
        {HF_GUID(0xad15a0d6, 0x8bec, 0x4acf, 0xa073, 0xd01de77e2d88), "VenUtf8()"},
    };
    struct hf_guid guid = take_guid(c);

    if (n->type == 3)
        for (size_t i = 0; i < sizeof terminals / sizeof terminals[0]; i++)
            if (hf_guid_equal(&guid, &terminals[i].guid)) {
                hf_textbuf_add(t, "%s", terminals[i].name);
                return;
            }
    hf_textbuf_add(t, "%s(", n->type == 1 ? "VenHw" : n->type == 3 ? "VenMsg" : "VenMedia");
    hf_textbuf_guid(t, &guid);
    rest_hex(t, c);
    hf_textbuf_add(t, ")");
}

static void controller(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    hf_textbuf_add(t, "Ctrl(0x%x)", hf_cursor_le32(c));
}

static void acpi(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    static const struct {
        uint32_t hid;
        const char *name;
    } known[] = {{0x0A0341D0, "PciRoot"},  {0x0A0841D0, "PcieRoot"}, {0x060441D0, "Floppy"},
                 {0x030141D0, "Keyboard"}, {0x050141D0, "Serial"},   {0x040141D0, "ParallelPort"}};
    uint32_t hid = hf_cursor_le32(c), uid = hf_cursor_le32(c);

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (hid == known[i].hid) {
            hf_textbuf_add(t, "%s(0x%x)", known[i].name, uid);
            return;
        }
    if ((hid & 0xFFFF) == 0x41D0)
        hf_textbuf_add(t, "Acpi(PNP%04X,0x%x)", hid >> 16, uid);
    else
        hf_textbuf_add(t, "Acpi(0x%08x,0x%x)", hid, uid);
}

static void acpi_adr(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    const char *before = "";

    hf_textbuf_add(t, "AcpiAdr(");
    while (hf_cursor_left(c) >= 4) {
        hf_textbuf_add(t, "%s0x%x", before, hf_cursor_le32(c));
        before = ",";
    }
    hf_textbuf_add(t, ")");
}

static void ata(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    unsigned channel = hf_cursor_u8(c), drive = hf_cursor_u8(c);

    hf_textbuf_add(t, "Ata(%s,%s,0x%x)", channel ? "Secondary" : "Primary", drive ? "Slave" : "Master",
                   hf_cursor_le16(c));
}

static void scsi(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    unsigned target = hf_cursor_le16(c);

    hf_textbuf_add(t, "Scsi(0x%x,0x%x)", target, hf_cursor_le16(c));
}

static void usb(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    unsigned port = hf_cursor_u8(c);

    hf_textbuf_add(t, "USB(0x%x,0x%x)", port, hf_cursor_u8(c));
}

static void mac(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    const uint8_t *address = hf_cursor_take(c, 32);
    unsigned type = hf_cursor_u8(c);

    if (!address)
        return;
    hf_textbuf_add(t, "MAC(");
    hf_textbuf_hex(t, address, type == 0 || type == 1 ? 6 : 32);
    hf_textbuf_add(t, ",0x%x)", type);
}

static void ipv4_address(struct hf_textbuf *t, struct hf_cursor *c)
{
    const uint8_t *a = hf_cursor_take(c, 4);

    if (a)
        hf_textbuf_add(t, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
}

static void ipv4(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    struct hf_cursor remote;
    unsigned protocol, is_static;

    (void)hf_cursor_take(c, 4);
    remote = hf_cursor_sub(c, 4);
    (void)hf_cursor_take(c, 4); /* ports: not in the text */
    protocol = hf_cursor_le16(c);
    is_static = hf_cursor_u8(c);
    hf_textbuf_add(t, "IPv4(");
    ipv4_address(t, &remote);
    hf_textbuf_add(t, ",%s,%s)",
                   protocol == 17  ? "UDP"
                   : protocol == 6 ? "TCP"
                                   : "other",
                   is_static ? "Static" : "DHCP");
}

static void ipv6(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    const uint8_t *remote;
    unsigned protocol;

    (void)hf_cursor_take(c, 16);
    remote = hf_cursor_take(c, 16);
    (void)hf_cursor_take(c, 4);
    protocol = hf_cursor_le16(c);
    hf_textbuf_add(t, "IPv6(");
    for (unsigned i = 0; remote && i < 16; i += 2)
        hf_textbuf_add(t, "%s%02x%02x", i ? ":" : "", remote[i], remote[i + 1]);
    hf_textbuf_add(t, ",%s)", protocol == 17 ? "UDP" : protocol == 6 ? "TCP" : "other");
}

static void uart(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    uint64_t baud;
    unsigned bits, parity, stop;

    (void)hf_cursor_take(c, 4);
    baud = hf_cursor_le64(c);
    bits = hf_cursor_u8(c);
    parity = hf_cursor_u8(c);
    stop = hf_cursor_u8(c);
    hf_textbuf_add(t, "Uart(%llu,%u,%c,%s)", (unsigned long long)baud, bits, "DNEOMS"[parity < 6 ? parity : 0],
                   stop < 4 ? ((const char *const[]){"D", "1", "1.5", "2"})[stop] : "?");
}

static void usb_class(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    unsigned vendor_id = hf_cursor_le16(c), product = hf_cursor_le16(c), class = hf_cursor_u8(c), sub = hf_cursor_u8(c);

    hf_textbuf_add(t, "UsbClass(0x%x,0x%x,0x%x,0x%x,0x%x)", vendor_id, product, class, sub, hf_cursor_u8(c));
}

static void unit(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    hf_textbuf_add(t, "Unit(0x%x)", hf_cursor_u8(c));
}

static void sata(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    unsigned port = hf_cursor_le16(c), multiplier = hf_cursor_le16(c);

    hf_textbuf_add(t, "Sata(0x%x,0x%x,0x%x)", port, multiplier, hf_cursor_le16(c));
}

static void vlan(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    hf_textbuf_add(t, "Vlan(%u)", hf_cursor_le16(c));
}

static void nvme(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    uint32_t id = hf_cursor_le32(c);
    const uint8_t *eui = hf_cursor_take(c, 8);

    hf_textbuf_add(t, "NVMe(0x%x", id);
    for (unsigned i = 8; eui && i-- > 0;)
        hf_textbuf_add(t, "%c%02X", i == 7 ? ',' : '-', eui[i]);
    hf_textbuf_add(t, ")");
}

static void uri(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    hf_textbuf_add(t, "Uri(");
    while (hf_cursor_left(c)) {
        unsigned ch = hf_cursor_u8(c);

        hf_textbuf_add(t, "%c", ch >= 0x20 && ch < 0x7F ? (int)ch : '?');
    }
    hf_textbuf_add(t, ")");
}

static void hard_drive(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    uint32_t partition = hf_cursor_le32(c);
    uint64_t start = hf_cursor_le64(c), size = hf_cursor_le64(c);
    struct hf_guid signature = take_guid(c);
    unsigned format = hf_cursor_u8(c), kind = hf_cursor_u8(c);

    hf_textbuf_add(t, "HD(%u,", partition);
    if (format == 2 && kind == 2) {
        hf_textbuf_add(t, "GPT,");
        hf_textbuf_guid(t, &signature);
    } else {
        hf_textbuf_add(t, "MBR,0x%08x", hf_le32_get(*(const hf_le32 *)&signature));
    }
    hf_textbuf_add(t, ",0x%llx,0x%llx)", (unsigned long long)start, (unsigned long long)size);
}

static void cdrom(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    uint32_t entry = hf_cursor_le32(c);
    uint64_t start = hf_cursor_le64(c);

    hf_textbuf_add(t, "CDROM(0x%x,0x%llx,0x%llx)", entry, (unsigned long long)start,
                   (unsigned long long)hf_cursor_le64(c));
}

static void file_path(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    char name[512];

    (void)hf_ucs2_to_utf8(n->body, n->size, name, sizeof name);
    (void)hf_cursor_take(c, n->size);
    hf_textbuf_add(t, "%s", name);
}

static void one_guid(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    struct hf_guid guid = take_guid(c);

    hf_textbuf_add(t, "%s(", n->subtype == 6 ? "FvFile" : n->subtype == 7 ? "Fv" : "Media");
    hf_textbuf_guid(t, &guid);
    hf_textbuf_add(t, ")");
}

static void bbs(struct hf_textbuf *t, const struct node *n, struct hf_cursor *c)
{
    static const char *const types[] = {"Reserved", "Floppy", "HD", "CDROM", "PCMCIA", "USB", "Network"};
    unsigned type = hf_cursor_le16(c);

    hf_textbuf_add(t, "BBS(%s)", type < sizeof types / sizeof types[0] ? types[type] : "Other");
}

static const struct {
    uint8_t type, subtype;
    uint16_t least; /* bytes behind the header */
    node_printer print;
} printers[] = {
    {1, 1, 2, pci},         {1, 3, 20, memory_mapped}, {1, 4, 16, vendor},    {1, 5, 4, controller},
    {2, 1, 8, acpi},        {2, 3, 4, acpi_adr},       {3, 1, 4, ata},        {3, 2, 4, scsi},
    {3, 5, 2, usb},         {3, 10, 16, vendor},       {3, 11, 33, mac},      {3, 12, 15, ipv4},
    {3, 13, 38, ipv6},      {3, 14, 15, uart},         {3, 15, 7, usb_class}, {3, 17, 1, unit},
    {3, 18, 6, sata},       {3, 20, 2, vlan},          {3, 23, 12, nvme},     {3, 24, 0, uri},
    {4, 1, 38, hard_drive}, {4, 2, 20, cdrom},         {4, 3, 16, vendor},    {4, 4, 2, file_path},
    {4, 5, 16, one_guid},   {4, 6, 16, one_guid},      {4, 7, 16, one_guid},  {5, 1, 4, bbs},
};

static void print_node(struct hf_textbuf *t, const struct node *n)
{
    struct hf_cursor c = hf_cursor_of(n->body, n->size);

    for (size_t i = 0; i < sizeof printers / sizeof printers[0]; i++)
        if (n->type == printers[i].type && n->subtype == printers[i].subtype && n->size >= printers[i].least) {
            printers[i].print(t, n, &c);
            return;
        }
    hf_textbuf_add(t, "Path(%u,%u", n->type, n->subtype);
    rest_hex(t, &c);
    hf_textbuf_add(t, ")");
}

static bool next_node(struct hf_cursor *c, struct node *n)
{
    uint16_t length;

    n->type = hf_cursor_u8(c);
    n->subtype = hf_cursor_u8(c);
    length = hf_cursor_le16(c);
    if (c->bad || length < 4)
        return false;
    n->size = (uint16_t)(length - 4);
    n->body = hf_cursor_take(c, n->size);
    return !c->bad;
}

static bool is_end(const struct node *n)
{
    return (n->type & 0x7F) == 0x7F && n->subtype == 0xFF;
}

bool hf_devpath_format(const void *path, size_t size, char *text, size_t text_size)
{
    struct hf_cursor c = hf_cursor_of(path, size);
    struct hf_textbuf t = hf_textbuf_of(text, text_size);
    const char *before = "";
    struct node n;

    while (hf_cursor_left(&c)) {
        if (!next_node(&c, &n))
            return false;
        if (is_end(&n))
            return true;
        if (n.type == 0x7F && n.subtype == 1) {
            before = ",";
            continue;
        }
        hf_textbuf_add(&t, "%s", before);
        print_node(&t, &n);
        before = "/";
    }
    return false;
}

size_t hf_devpath_size(const void *path, size_t size)
{
    struct hf_cursor c = hf_cursor_of(path, size);
    struct node n;

    while (hf_cursor_left(&c)) {
        if (!next_node(&c, &n))
            return 0;
        if (is_end(&n))
            return c.at;
    }
    return 0;
}
