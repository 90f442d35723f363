/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain_xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "origin.h"
#include "places.h"

struct hf_domain_xml {
    xmlDoc *doc;
    struct hf_domain facts;
};

static bool is_element(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && !strcmp((const char *)node->name, name);
}

/* The first child element of that name after `after` (NULL: from the start). */
static xmlNode *next_child(const xmlNode *parent, const xmlNode *after, const char *name)
{
    for (xmlNode *n = after ? after->next : parent ? parent->children : NULL; n; n = n->next)
        if (is_element(n, name))
            return n;
    return NULL;
}

static xmlNode *child(const xmlNode *parent, const char *name)
{
    return next_child(parent, NULL, name);
}

static void cleanup_xml(xmlChar **text)
{
    xmlFree(*text);
}

static int keep(const xmlChar *value, const char *what, char *to, size_t size, struct hf_error *err)
{
    if (!value)
        return 0;
    if (strlen((const char *)value) >= size)
        return hf_error_set(err, HF_EDAMAGED, "domain XML: %s has %zu bytes; at most %zu are read", what,
                            strlen((const char *)value), size - 1);
    memcpy(to, value, strlen((const char *)value) + 1);
    return 0;
}

/* An attribute, or an element's text, into a field of fixed size. A missing one leaves it empty. */
static int get_attribute(const xmlNode *node, const char *name, char *to, size_t size, struct hf_error *err)
{
    hf_auto(cleanup_xml) xmlChar *value = node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;

    return keep(value, name, to, size, err);
}

static int get_text(const xmlNode *node, const char *what, char *to, size_t size, struct hf_error *err)
{
    hf_auto(cleanup_xml) xmlChar *value = node ? xmlNodeGetContent(node) : NULL;

    return keep(value, what, to, size, err);
}

static bool attribute_is(const xmlNode *node, const char *name, const char *wanted)
{
    hf_auto(cleanup_xml) xmlChar *value = node ? xmlGetNoNsProp(node, (const xmlChar *)name) : NULL;

    return value && !strcmp((const char *)value, wanted);
}

static int read_identity(const xmlNode *root, struct hf_domain *d, struct hf_error *err)
{
    const xmlNode *type = child(child(root, "os"), "type");
    int r = get_attribute(root, "type", d->type, sizeof d->type, err);

    if (r == 0)
        r = get_text(child(root, "name"), "name", d->name, sizeof d->name, err);
    if (r == 0)
        r = get_text(child(root, "uuid"), "uuid", d->uuid, sizeof d->uuid, err);
    if (r == 0)
        r = get_attribute(type, "arch", d->arch, sizeof d->arch, err);
    if (r == 0)
        r = get_attribute(type, "machine", d->machine, sizeof d->machine, err);
    if (r == 0)
        r = get_text(child(child(root, "devices"), "emulator"), "emulator", d->emulator, sizeof d->emulator, err);
    if (r == 0 && (!d->name[0] || strlen(d->uuid) != 36))
        r = hf_error_set(err, HF_EDAMAGED, "domain XML: it has no name or no UUID");
    return r;
}

static int read_loader(const xmlNode *os, struct hf_domain *d, struct hf_error *err)
{
    const xmlNode *loader = child(os, "loader");
    int r = get_attribute(os, "firmware", d->firmware, sizeof d->firmware, err);

    if (r == 0)
        r = get_text(loader, "loader", d->loader, sizeof d->loader, err);
    if (r == 0)
        r = get_attribute(loader, "type", d->loader_type, sizeof d->loader_type, err);
    d->loader_secure = attribute_is(loader, "secure", "yes");
    d->stateless = attribute_is(loader, "stateless", "yes");
    return r;
}

static int read_nvram_source(const xmlNode *nvram, struct hf_domain *d, struct hf_error *err)
{
    const xmlNode *source = child(nvram, "source"), *host = child(source, "host");
    int r;

    if (attribute_is(nvram, "type", "file")) {
        d->nvram_kind = HF_NVRAM_FILE;
        return get_attribute(source, "file", d->nvram, sizeof d->nvram, err);
    }
    if (attribute_is(nvram, "type", "block")) {
        d->nvram_kind = HF_NVRAM_BLOCK;
        return get_attribute(source, "dev", d->nvram, sizeof d->nvram, err);
    }
    d->nvram_kind = HF_NVRAM_OTHER;
    if (!attribute_is(nvram, "type", "network") || !attribute_is(host, "transport", "unix"))
        return 0;
    r = get_attribute(host, "socket", d->nvram, sizeof d->nvram, err);
    if (r == 0 && !strncmp(d->nvram, HF_LIBVIRT_RUN "/", sizeof HF_LIBVIRT_RUN))
        d->nvram_kind = HF_NVRAM_OURS;
    return r;
}

static int read_nvram(const xmlNode *os, struct hf_domain *d, struct hf_error *err)
{
    const xmlNode *nvram = child(os, "nvram");
    int r = get_attribute(nvram, "template", d->nvram_template, sizeof d->nvram_template, err);

    if (r < 0 || !nvram)
        return r;
    if (child(nvram, "source"))
        return read_nvram_source(nvram, d, err);
    r = get_text(nvram, "nvram", d->nvram, sizeof d->nvram, err);
    if (d->nvram[0])
        d->nvram_kind = HF_NVRAM_FILE;
    return r;
}

/* "+64055:+64055", as libvirt writes the user and group a QEMU gets. */
static void parse_dac(const char *label, struct hf_domain *d)
{
    unsigned long uid, gid;
    char *end;

    errno = 0;
    uid = strtoul(label[0] == '+' ? label + 1 : label, &end, 10);
    if (errno || *end != ':' || end == label)
        return;
    label = end + 1;
    gid = strtoul(label[0] == '+' ? label + 1 : label, &end, 10);
    if (errno || *end || end == label)
        return;
    d->uid = (uid_t)uid;
    d->gid = (gid_t)gid;
    d->has_label = true;
}

static int read_labels(const xmlNode *root, struct hf_domain *d, struct hf_error *err)
{
    char dac[64] = "";
    int r = 0;

    for (const xmlNode *n = NULL; r == 0 && (n = next_child(root, n, "seclabel"));) {
        if (attribute_is(n, "model", "dac"))
            r = get_text(child(n, "label"), "label", dac, sizeof dac, err);
        else if (attribute_is(n, "model", "selinux"))
            r = get_text(child(n, "label"), "label", d->selinux, sizeof d->selinux, err);
    }
    if (r == 0)
        parse_dac(dac, d);
    return r;
}

static int read_origin(const xmlNode *root, struct hf_domain *d, struct hf_error *err)
{
    const xmlNode *metadata = child(root, "metadata");

    for (const xmlNode *n = NULL; (n = next_child(metadata, n, "source"));)
        if (n->ns && !strcmp((const char *)n->ns->href, HF_ORIGIN_XML_NS))
            return get_attribute(n, "host", d->origin, sizeof d->origin, err);
    return 0;
}

static int read_facts(const xmlNode *root, struct hf_domain *d, struct hf_error *err)
{
    const xmlNode *os = child(root, "os");
    int r = read_identity(root, d, err);

    if (r == 0)
        r = read_loader(os, d, err);
    if (r == 0)
        r = read_nvram(os, d, err);
    if (r == 0)
        r = read_labels(root, d, err);
    if (r == 0)
        r = read_origin(root, d, err);
    d->smm = attribute_is(child(child(root, "features"), "smm"), "state", "on");
    d->tpm = child(child(root, "devices"), "tpm") != NULL;
    d->confidential = child(root, "launchSecurity") != NULL;
    d->varstore = child(os, "varstore") != NULL;
    return r;
}

static void silent(void *ctx, const char *fmt, ...)
{
    (void)ctx;
    (void)fmt;
}

int hf_domain_xml_parse(const char *text, size_t size, struct hf_domain_xml **out, struct hf_error *err)
{
    hf_auto(hf_domain_xml_cleanup) struct hf_domain_xml *d = calloc(1, sizeof *d);
    const xmlNode *root;
    int r;

    if (!d)
        return hf_error_nomem(err);
    if (size > HF_DOMAIN_XML_MAX)
        return hf_error_refuse(err, "xml", "domain XML of %zu bytes; at most %u are read", size, HF_DOMAIN_XML_MAX);
    xmlSetGenericErrorFunc(NULL, silent);
    d->doc = xmlReadMemory(text, (int)size, "domain", NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    root = d->doc ? xmlDocGetRootElement(d->doc) : NULL;
    if (!root || !is_element(root, "domain"))
        return hf_error_set(err, HF_EDAMAGED, "domain XML: no <domain> element in %zu bytes", size);
    r = read_facts(root, &d->facts, err);
    if (r == 0)
        *out = hf_take_ptr(d);
    return r;
}

void hf_domain_xml_free(struct hf_domain_xml *doc)
{
    if (!doc)
        return;
    xmlFreeDoc(doc->doc);
    free(doc);
}

const struct hf_domain *hf_domain_facts(const struct hf_domain_xml *doc)
{
    return &doc->facts;
}

int hf_domain_suitable(const struct hf_domain *d, struct hf_error *err)
{
    if (strcmp(d->type, "kvm") && strcmp(d->type, "qemu"))
        return hf_error_refuse(err, "hypervisor", "domain '%s' is of type '%s'; containers are for QEMU's (kvm, qemu)",
                               d->name, d->type);
    if (d->nvram_kind == HF_NVRAM_OURS)
        return hf_error_refuse(err, "adopted", "domain '%s' is adopted already", d->name);
    if (d->confidential)
        return hf_error_refuse(
            err, "confidential",
            "domain '%s' is a confidential guest: its firmware is measured at launch and is no flash", d->name);
    if (d->varstore)
        return hf_error_refuse(err, "uefi-vars", "domain '%s' keeps its variables in QEMU's uefi-vars device", d->name);
    if (d->stateless)
        return hf_error_refuse(err, "stateless", "domain '%s' has stateless firmware: there are no variables to keep",
                               d->name);
    if (strcmp(d->firmware, "efi") && (!d->loader[0] || strcmp(d->loader_type, "pflash")))
        return hf_error_refuse(
            err, "bios",
            "domain '%s' has no firmware in flash (no <loader type='pflash'>); give it some, or leave "
            "it as it is",
            d->name);
    if (d->nvram_kind == HF_NVRAM_BLOCK)
        return hf_error_refuse(err, "nvram",
                               "domain '%s' keeps its variables on block device '%.200s': copy them to a file with "
                               "'holdfast vars export DEVICE FILE' and name that as <nvram>FILE</nvram> first",
                               d->name, d->nvram);
    if (d->nvram_kind == HF_NVRAM_OTHER)
        return hf_error_refuse(err, "nvram",
                               "domain '%s' keeps its variables in a network source: copy them to a file and name that "
                               "as <nvram>FILE</nvram> first",
                               d->name);
    return 0;
}

static xmlNode *add(xmlNode *parent, const char *name, const char *text)
{
    return xmlNewTextChild(parent, NULL, (const xmlChar *)name, (const xmlChar *)text);
}

static void set(xmlNode *node, const char *name, const char *value)
{
    (void)xmlNewProp(node, (const xmlChar *)name, (const xmlChar *)value);
}

/* Takes away everything in <os> that says which firmware. */
static void strip(xmlNode *os)
{
    static const char *const ours[] = {"loader", "nvram", "firmware"};
    xmlAttr *choice = xmlHasProp(os, (const xmlChar *)"firmware");

    if (choice)
        (void)xmlRemoveProp(choice);
    for (size_t i = 0; i < HF_ARRAY_SIZE(ours); i++) {
        xmlNode *n;

        while ((n = child(os, ours[i]))) {
            xmlUnlinkNode(n);
            xmlFreeNode(n);
        }
    }
}

static void add_loader(xmlNode *os, const char *path, bool secure)
{
    xmlNode *loader = add(os, "loader", path);

    set(loader, "readonly", "yes");
    if (secure)
        set(loader, "secure", "yes");
    set(loader, "type", "pflash");
}

static void add_socket(xmlNode *os, const char *socket, unsigned reconnect)
{
    xmlNode *nvram = add(os, "nvram", NULL), *source, *host, *again;
    char seconds[16];

    set(nvram, "type", "network");
    source = add(nvram, "source", NULL);
    set(source, "protocol", "nbd");
    set(source, "name", "vars");
    host = add(source, "host", NULL);
    set(host, "transport", "unix");
    set(host, "socket", socket);
    if (!reconnect)
        return;
    again = add(source, "reconnect", NULL);
    snprintf(seconds, sizeof seconds, "%u", reconnect);
    set(again, "delay", seconds);
}

static void switch_smm_on(xmlNode *root)
{
    xmlNode *features = child(root, "features"), *smm;

    if (!features)
        features = add(root, "features", NULL);
    smm = child(features, "smm");
    if (!smm)
        smm = add(features, "smm", NULL);
    (void)xmlSetProp(smm, (const xmlChar *)"state", (const xmlChar *)"on");
}

static int print(const struct hf_domain_xml *doc, char **out, struct hf_error *err)
{
    xmlChar *text = NULL;
    int size = 0;

    xmlDocDumpMemory(doc->doc, &text, &size);
    *out = text ? strdup((const char *)text) : NULL;
    xmlFree(text);
    return *out ? 0 : hf_error_nomem(err);
}

int hf_domain_xml_enter(struct hf_domain_xml *doc, const char *code, const char *socket, bool secure,
                        unsigned reconnect, char **out, struct hf_error *err)
{
    xmlNode *root = xmlDocGetRootElement(doc->doc), *os = child(root, "os");

    strip(os);
    add_loader(os, code, secure);
    if (socket)
        add_socket(os, socket, reconnect);
    if (secure && !doc->facts.smm)
        switch_smm_on(root);
    return print(doc, out, err);
}

static int copy_choice(xmlNode *os, const xmlNode *old_os, const char *name, struct hf_error *err)
{
    for (const xmlNode *n = NULL; (n = next_child(old_os, n, name));) {
        xmlNode *copy = xmlDocCopyNode((xmlNode *)n, os->doc, 1);

        if (!copy || !xmlAddChild(os, copy))
            return hf_error_nomem(err);
    }
    return 0;
}

/* The <smm> that entering may have added goes as it came. */
static void restore_smm(xmlNode *root, const struct hf_domain_xml *original)
{
    xmlNode *smm = child(child(root, "features"), "smm");

    if (original->facts.smm || !smm)
        return;
    xmlUnlinkNode(smm);
    xmlFreeNode(smm);
}

int hf_domain_xml_leave(struct hf_domain_xml *doc, const struct hf_domain_xml *original, const char *loader,
                        const char *nvram, bool secure, char **out, struct hf_error *err)
{
    xmlNode *root = xmlDocGetRootElement(doc->doc), *os = child(root, "os");
    const xmlNode *old_os = child(xmlDocGetRootElement(original->doc), "os");
    int r;

    strip(os);
    if (loader) {
        add_loader(os, loader, secure);
        if (nvram)
            (void)add(os, "nvram", nvram);
        return print(doc, out, err);
    }
    if (original->facts.firmware[0])
        set(os, "firmware", original->facts.firmware);
    r = copy_choice(os, old_os, "firmware", err);
    if (r == 0)
        r = copy_choice(os, old_os, "loader", err);
    if (r == 0)
        r = copy_choice(os, old_os, "nvram", err);
    if (r < 0)
        return r;
    restore_smm(root, original);
    return print(doc, out, err);
}
