/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain_xml.h"

#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "domain_xml_inside.h"
#include "places.h"

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

        while ((n = hf_xml_child(os, ours[i]))) {
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
    xmlNode *features = hf_xml_child(root, "features"), *smm;

    if (!features)
        features = add(root, "features", NULL);
    smm = hf_xml_child(features, "smm");
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
    xmlNode *root = xmlDocGetRootElement(doc->doc), *os = hf_xml_child(root, "os");

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
    for (const xmlNode *n = NULL; (n = hf_xml_next_child(old_os, n, name));) {
        xmlNode *copy = xmlDocCopyNode((xmlNode *)n, os->doc, 1);

        if (!copy || !xmlAddChild(os, copy))
            return hf_error_nomem(err);
    }
    return 0;
}

/* The <smm> that entering may have added goes as it came. */
static void restore_smm(xmlNode *root, const struct hf_domain_xml *original)
{
    xmlNode *smm = hf_xml_child(hf_xml_child(root, "features"), "smm");

    if (original->facts.smm || !smm)
        return;
    xmlUnlinkNode(smm);
    xmlFreeNode(smm);
}

int hf_domain_xml_leave(struct hf_domain_xml *doc, const struct hf_domain_xml *original, const char *loader,
                        const char *nvram, bool secure, char **out, struct hf_error *err)
{
    xmlNode *root = xmlDocGetRootElement(doc->doc), *os = hf_xml_child(root, "os");
    const xmlNode *old_os = hf_xml_child(xmlDocGetRootElement(original->doc), "os");
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
