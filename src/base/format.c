/* SPDX-License-Identifier: BSD-2-Clause */
#include "format.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct out {
    char *buf;
    size_t size, len;
    bool cut;
};

struct spec {
    bool zero, left, prefix;
    int width, precision; /* precision -1: none given */
    int length;           /* -2 hh, -1 h, 0 int, 1 long, 2 long long, 3 size_t */
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len++] = c;
    else
        o->cut = true;
}

static void put_padded(struct out *o, const struct spec *s, const char *text, size_t len)
{
    size_t width = s->width > 0 ? (size_t)s->width : 0;

    for (size_t i = len; !s->left && i < width; i++)
        put(o, s->zero ? '0' : ' ');
    for (size_t i = 0; i < len; i++)
        put(o, text[i]);
    for (size_t i = len; s->left && i < width; i++)
        put(o, ' ');
}

static void put_number(struct out *o, const struct spec *s, uint64_t v, bool negative, char conv)
{
    const char *digits = conv == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = conv == 'x' || conv == 'X' ? 16 : conv == 'o' ? 8 : 10;
    bool prefix = s->prefix && base == 16 && v != 0;
    char text[32];
    size_t at = sizeof text;

    do {
        text[--at] = digits[v % base];
        v /= base;
    } while (v != 0);
    if (prefix) {
        text[--at] = conv;
        text[--at] = '0';
    }
    if (negative && s->zero && s->width > 0) {
        struct spec rest = *s;
        put(o, '-');
        rest.width--;
        put_padded(o, &rest, text + at, sizeof text - at);
        return;
    }
    if (negative)
        text[--at] = '-';
    put_padded(o, s, text + at, sizeof text - at);
}

static const char *parse_spec(const char *p, struct spec *s, va_list *ap)
{
    *s = (struct spec){.precision = -1};
    for (; *p == '0' || *p == '-' || *p == '#'; p++)
        *(*p == '0' ? &s->zero : *p == '-' ? &s->left : &s->prefix) = true;
    if (*p == '*') {
        s->width = va_arg(*ap, int);
        p++;
    }
    for (; *p >= '0' && *p <= '9'; p++)
        s->width = s->width * 10 + (*p - '0');
    if (*p == '.' && p[1] == '*') {
        s->precision = va_arg(*ap, int);
        p += 2;
    } else if (*p == '.') {
        s->precision = 0;
        for (p++; *p >= '0' && *p <= '9'; p++)
            s->precision = s->precision * 10 + (*p - '0');
    }
    for (; *p == 'h' || *p == 'l' || *p == 'z'; p++)
        s->length += *p == 'h' ? -1 : *p == 'l' ? 1 : 3;
    return p;
}

static int64_t get_signed(const struct spec *s, va_list *ap)
{
    switch (s->length) {
    case 1:
        return va_arg(*ap, long);
    case 2:
        return va_arg(*ap, long long);
    case 3:
        return (int64_t)va_arg(*ap, size_t);
    default:
        return va_arg(*ap, int);
    }
}

static uint64_t get_unsigned(const struct spec *s, va_list *ap)
{
    switch (s->length) {
    case -2:
        return (unsigned char)va_arg(*ap, unsigned);
    case -1:
        return (unsigned short)va_arg(*ap, unsigned);
    case 1:
        return va_arg(*ap, unsigned long);
    case 2:
        return va_arg(*ap, unsigned long long);
    case 3:
        return va_arg(*ap, size_t);
    default:
        return va_arg(*ap, unsigned);
    }
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
    size_t len = 0;

    if (!text)
        text = "(none)";
    while ((s->precision < 0 || len < (size_t)s->precision) && text[len] != '\0')
        len++;
    put_padded(o, s, text, len);
}

static void put_conversion(struct out *o, const struct spec *s, char conv, va_list *ap)
{
    int64_t v;
    char c;

    switch (conv) {
    case 's':
        put_string(o, s, va_arg(*ap, const char *));
        return;
    case 'c':
        c = (char)va_arg(*ap, int);
        put_padded(o, s, &c, 1);
        return;
    case 'd':
    case 'i':
        v = get_signed(s, ap);
        put_number(o, s, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, conv);
        return;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_number(o, s, get_unsigned(s, ap), false, conv);
        return;
    default: /* %% and whatever the compiler let through */
        put(o, conv);
    }
}

size_t hf_vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = {.buf = buf, .size = size};
    struct spec s;
    va_list args;

    va_copy(args, ap);
    for (const char *p = fmt; *p != '\0'; p++) {
        if (*p != '%') {
            put(&o, *p);
            continue;
        }
        p = parse_spec(p + 1, &s, &args);
        if (*p == '\0')
            break;
        put_conversion(&o, &s, *p, &args);
    }
    va_end(args);
    if (o.cut)
        memcpy(buf + o.len - 3, "...", 3);
    buf[o.len] = '\0';
    return o.len;
}

size_t hf_format(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    size_t n;

    va_start(ap, fmt);
    n = hf_vformat(buf, size, fmt, ap);
    va_end(ap);
    return n;
}
