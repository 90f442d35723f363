/* SPDX-License-Identifier: BSD-2-Clause */
/* Internal to the files of a domain's XML: domain_xml.c and domain_roms.c read it, domain_rewrite.c changes it. */
#ifndef HF_DOMAIN_XML_INSIDE_H
#define HF_DOMAIN_XML_INSIDE_H

#include <libxml/tree.h>
#include <string.h>

#include "domain_xml.h"

struct hf_domain_xml {
    xmlDoc *doc;
    struct hf_domain facts;
};

static inline bool hf_xml_is_element(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && !strcmp((const char *)node->name, name);
}

/* The first child element of that name after `after` (NULL: from the start). */
static inline xmlNode *hf_xml_next_child(const xmlNode *parent, const xmlNode *after, const char *name)
{
    for (xmlNode *n = after ? after->next : parent ? parent->children : NULL; n; n = n->next)
        if (hf_xml_is_element(n, name))
            return n;
    return NULL;
}

static inline xmlNode *hf_xml_child(const xmlNode *parent, const char *name)
{
    return hf_xml_next_child(parent, NULL, name);
}

#endif
