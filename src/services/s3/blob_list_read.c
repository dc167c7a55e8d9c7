/* See blob_list.h: reading lists, and who holds which. */
#include "base/mem.h"
#include "base/wake.h"
#include "services/s3/blob_list.h"
#include "services/s3/s3.h"
#include "services/service.h"
#include <pthread.h>

#define PIECES_FIRST 16

/* One of its blobs. */
struct piece {
    int64_t start; /* within the list */
    struct blob_row row;
    struct buf data; /* of one without a file */
};

struct blob_list {
    struct blob_list *next; /* of those that are held */
    struct blob_list *previous;
    const struct platform *platform;
    int64_t id;
    bool awaited; /* by the keeper */
    struct piece *pieces;
    size_t count;
    size_t room;
    size_t at; /* the piece that is open; `count`: none */
    struct blob_source open;
};

/* ---- who holds which */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct blob_list *held;
static struct list_seizure *seized;

static bool is_seized(const struct blob_list *list)
{
    for (const struct list_seizure *s = seized; s; s = s->next)
        if (s->id == list->id && s->platform == list->platform)
            return true;
    return false;
}

static bool hold(struct blob_list *list)
{
    pthread_mutex_lock(&lock);
    bool may = !is_seized(list);
    if (may) {
        list->next = held;
        if (held)
            held->previous = list;
        held = list;
    }
    pthread_mutex_unlock(&lock);
    return may;
}

static void let_go(struct blob_list *list)
{
    pthread_mutex_lock(&lock);
    *(list->previous ? &list->previous->next : &held) = list->next;
    if (list->next)
        list->next->previous = list->previous;
    pthread_mutex_unlock(&lock);
    if (list->awaited)
        wake_signal(BLOB_TOPIC);
}

bool list_seize(struct list_seizure *seizure)
{
    bool free_ = true;
    pthread_mutex_lock(&lock);
    for (struct blob_list *list = held; list; list = list->next)
        if (list->id == seizure->id && list->platform == seizure->platform) {
            list->awaited = true;
            free_ = false;
        }
    if (free_) {
        seizure->next = seized;
        seized = seizure;
    }
    pthread_mutex_unlock(&lock);
    return free_;
}

void list_release(struct list_seizure *seizure)
{
    pthread_mutex_lock(&lock);
    struct list_seizure **link = &seized;
    while (*link != seizure)
        link = &(*link)->next;
    *link = seizure->next;
    pthread_mutex_unlock(&lock);
}

/* ---- reading */

int list_open(const struct platform *platform, int64_t id, struct blob_list **ret)
{
    struct blob_list *list = mem_alloc(sizeof(*list));
    if (!list)
        return FAULT(ENOMEM);
    *list = (struct blob_list){.platform = platform, .id = id, .open = BLOB_SOURCE_NONE};
    if (!hold(list)) {
        free(list);
        return -ENOENT;
    }
    *ret = list;
    return 0;
}

static void forget_pieces(struct blob_list *list)
{
    blob_source_deinit(&list->open);
    for (size_t i = 0; i < list->count; i++)
        buf_free(&list->pieces[i].data);
    free_ptr(&list->pieces);
    list->count = list->room = list->at = 0;
}

void list_free(struct blob_list **list)
{
    if (!*list)
        return;
    let_go(*list);
    forget_pieces(*list);
    free(*list);
    *list = NULL;
}

static int add_piece(struct blob_list *list, struct rows *rows)
{
    if (list->count == list->room) {
        size_t room = list->room > 0 ? 2 * list->room : PIECES_FIRST;
        struct piece *more = mem_realloc(list->pieces, room * sizeof(*more));
        if (!more)
            return FAULT(ENOMEM);
        list->pieces = more;
        list->room = room;
    }
    struct piece *piece = &list->pieces[list->count++];
    *piece = (struct piece){.start = rows_int(rows, 0), .data = BUF_INIT(BLOB_STORED_MAX)};
    blob_row_read(rows, 1, &piece->row);
    return piece->row.file[0] ? 0 : buf_put_str(&piece->data, rows_bytes(rows, 1 + BLOB_COLUMNS_COUNT));
}

static int load_pieces(struct blob_list *list, int64_t offset, int64_t len)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = db_read(list->platform->db, &tx);
    if (rc == 0)
        rc = tx_query(tx, &rows,
                      "SELECT start, " BLOB_COLUMNS ", data FROM s3_blob_part JOIN s3_blob ON id = part"
                      " WHERE blob = $1 AND start >= (SELECT max(start) FROM s3_blob_part WHERE blob = $1"
                      " AND start <= $2) AND start < $3 ORDER BY start",
                      "iii", list->id, offset, offset + (len > 0 ? len : 1));
    while (rc == 0 && (rc = rows_next(rows)) == 0)
        rc = add_piece(list, rows);
    if (rc != DB_NONE)
        return rc;
    return list->count > 0 ? 0 : -ENOENT;
}

static int open_piece(struct blob_list *list, size_t i)
{
    const struct piece *piece = &list->pieces[i];
    blob_source_deinit(&list->open);
    list->at = list->count;
    list->open = (struct blob_source){.fd = -1, .data = BUF_INIT(BLOB_STORED_MAX)};
    int rc = piece->row.damaged ? S3_E_DAMAGED : 0;
    if (rc == 0 && !piece->row.file[0])
        rc = buf_put_str(&list->open.data, buf_str(&piece->data));
    if (rc == 0)
        rc = blob_open_row(list->platform, &piece->row, &list->open, NULL);
    if (rc == 0)
        list->at = i;
    return rc;
}

int list_prepare(struct blob_list *list, int64_t offset, int64_t len)
{
    forget_pieces(list);
    int rc = load_pieces(list, offset, len);
    list->at = list->count;
    for (size_t i = list->count; rc == 0 && i-- > 0;)
        rc = open_piece(list, i);
    return rc;
}

static bool has(const struct piece *piece, int64_t offset)
{
    return offset >= piece->start && offset < piece->start + piece->row.size;
}

/* The open one, as a rule, or the next. */
static size_t find_piece(const struct blob_list *list, int64_t offset)
{
    size_t from = 0, to = list->count;
    for (size_t i = list->at; i < list->count && i < list->at + 2; i++)
        if (has(&list->pieces[i], offset))
            return i;
    while (to - from > 1) {
        size_t middle = from + (to - from) / 2;
        if (list->pieces[middle].start <= offset)
            from = middle;
        else
            to = middle;
    }
    return from;
}

int list_at(struct blob_list *list, int64_t offset, struct blob_source **ret, int64_t *ret_offset)
{
    size_t i = find_piece(list, offset);
    if (i >= list->count || !has(&list->pieces[i], offset))
        return FAULT(EIO);
    int rc = i != list->at ? open_piece(list, i) : 0;
    *ret = &list->open;
    *ret_offset = offset - list->pieces[i].start;
    return rc;
}
