/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain_xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "domain_xml_inside.h"
#include "origin.h"
#include "places.h"

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
    const xmlNode *type = hf_xml_child(hf_xml_child(root, "os"), "type");
    int r = get_attribute(root, "type", d->type, sizeof d->type, err);

    if (r == 0)
        r = get_text(hf_xml_child(root, "name"), "name", d->name, sizeof d->name, err);
    if (r == 0)
        r = get_text(hf_xml_child(root, "uuid"), "uuid", d->uuid, sizeof d->uuid, err);
    if (r == 0)
        r = get_attribute(type, "arch", d->arch, sizeof d->arch, err);
    if (r == 0)
        r = get_attribute(type, "machine", d->machine, sizeof d->machine, err);
    if (r == 0)
        r = get_text(hf_xml_child(hf_xml_child(root, "devices"), "emulator"), "emulator", d->emulator,
                     sizeof d->emulator, err);
    if (r == 0 && (!d->name[0] || strlen(d->uuid) != 36))
        r = hf_error_set(err, HF_EDAMAGED, "domain XML: it has no name or no UUID");
    return r;
}

static int read_loader(const xmlNode *os, struct hf_domain *d, struct hf_error *err)
{
    const xmlNode *loader = hf_xml_child(os, "loader");
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
    const xmlNode *source = hf_xml_child(nvram, "source"), *host = hf_xml_child(source, "host");
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
    const xmlNode *nvram = hf_xml_child(os, "nvram");
    int r = get_attribute(nvram, "template", d->nvram_template, sizeof d->nvram_template, err);

    if (r < 0 || !nvram)
        return r;
    if (hf_xml_child(nvram, "source"))
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

    for (const xmlNode *n = NULL; r == 0 && (n = hf_xml_next_child(root, n, "seclabel"));) {
        if (attribute_is(n, "model", "dac"))
            r = get_text(hf_xml_child(n, "label"), "label", dac, sizeof dac, err);
        else if (attribute_is(n, "model", "selinux"))
            r = get_text(hf_xml_child(n, "label"), "label", d->selinux, sizeof d->selinux, err);
    }
    if (r == 0)
        parse_dac(dac, d);
    return r;
}

static int read_origin(const xmlNode *root, struct hf_domain *d, struct hf_error *err)
{
    const xmlNode *metadata = hf_xml_child(root, "metadata");

    for (const xmlNode *n = NULL; (n = hf_xml_next_child(metadata, n, "source"));)
        if (n->ns && !strcmp((const char *)n->ns->href, HF_ORIGIN_XML_NS))
            return get_attribute(n, "host", d->origin, sizeof d->origin, err);
    return 0;
}

static int read_facts(const xmlNode *root, struct hf_domain *d, struct hf_error *err)
{
    const xmlNode *os = hf_xml_child(root, "os");
    int r = read_identity(root, d, err);

    if (r == 0)
        r = read_loader(os, d, err);
    if (r == 0)
        r = read_nvram(os, d, err);
    if (r == 0)
        r = read_labels(root, d, err);
    if (r == 0)
        r = read_origin(root, d, err);
    d->smm = attribute_is(hf_xml_child(hf_xml_child(root, "features"), "smm"), "state", "on");
    d->tpm = hf_xml_child(hf_xml_child(root, "devices"), "tpm") != NULL;
    for (const xmlNode *n = hf_xml_child(root, "devices") ? hf_xml_child(root, "devices")->children : NULL; n;
         n = n->next)
        d->devices += n->type == XML_ELEMENT_NODE;
    d->confidential = hf_xml_child(root, "launchSecurity") != NULL;
    d->varstore = hf_xml_child(os, "varstore") != NULL;
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
    if (!root || !hf_xml_is_element(root, "domain"))
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
