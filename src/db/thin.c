/* Two passes over the records: each is a step; then each step that makes or changes a row is held against the
 * last one of that row, unless something came between that may have read it or changed it otherwise. */
#include "db/thin.h"
#include "base/mem.h"
#include "db/form.h"

#define FORMS 64      /* distinct statements; a power of two. Further ones are of any form */
#define TABLES 16     /* of theirs */
#define STEPS_MIN 256 /* room for them; a power of two */
#define STEPS_KEPT 2048
#define NONE UINT32_MAX

/* A table; no step before its barrier is skipped because of one behind it. */
struct table {
    struct str name; /* part of a known statement's text */
    char key[64];    /* its one key column; "": it has several, or none */
    uint32_t barrier;
};

struct known {
    char *text; /* owned */
    struct str sql;
    uint64_t hash;
    struct form form;
    struct table *table;
    unsigned key;               /* the parameter that the key is; 0: it is not known */
    const struct known *insert; /* whose rows this has been found to change; NULL: none yet */
    bool amends;                /* all that this sets is among its parameters */
    unsigned char numbers[FORM_COLUMNS];
};

/* What the plan does to a row. */
struct row {
    uint32_t plan;          /* another than the current: a free place */
    uint32_t last;          /* step */
    uint32_t insert;        /* the step that makes it, while nothing but `last` has changed it; NONE */
    const struct known *by; /* of the last step */
};

struct thin {
    struct conn *conn;
    struct known *known[FORMS];
    size_t known_count;
    struct table tables[TABLES];
    size_t table_count;
    bool outdated; /* a script may have changed the tables */

    struct thin_step *steps;
    size_t count;
    size_t room; /* a power of two */
    size_t next;
    bool thinned;     /* a step is skipped */
    struct row *rows; /* by the key's hash; twice as many as steps */
    uint32_t plan;
    uint32_t barrier; /* of all tables */
};

/* ---- statements */

static void known_free(struct known **known)
{
    if (*known)
        free((*known)->text);
    free(take(*known));
}

static void forms_forget(struct thin *thin)
{
    for (size_t i = 0; i < FORMS; i++)
        known_free(&thin->known[i]);
    thin->known_count = thin->table_count = 0;
    thin->outdated = false;
}

static int key_find(struct thin *thin, struct table *table)
{
    sqlite3_stmt *handle = NULL;
    int rc =
        sqlite3_prepare_v2(conn_handle(thin->conn),
                           "SELECT name, type FROM pragma_table_info($1) WHERE pk > 0", -1, &handle, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(handle, 1, table->name.ptr, (int)table->name.len, SQLITE_STATIC);
    if (rc == SQLITE_OK && (rc = sqlite3_step(handle)) == SQLITE_ROW) {
        if (str_eqc(str_of((const char *)sqlite3_column_text(handle, 1)), "TEXT"))
            str_copy(table->key, sizeof(table->key), (const char *)sqlite3_column_text(handle, 0));
        rc = sqlite3_step(handle);
        if (rc == SQLITE_ROW) /* a second one */
            table->key[0] = '\0';
    }
    (void)sqlite3_finalize(handle);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : FAULT(ENOMEM);
}

/* *ret NULL: there is no room for another. */
static int table_find(struct thin *thin, struct str name, struct table **ret)
{
    *ret = NULL;
    for (size_t i = 0; i < thin->table_count; i++)
        if (str_eq(thin->tables[i].name, name))
            *ret = &thin->tables[i];
    if (*ret || thin->table_count == TABLES)
        return 0;
    struct table *table = &thin->tables[thin->table_count];
    *table = (struct table){.name = name};
    int r = key_find(thin, table);
    if (r == 0) {
        thin->table_count++;
        *ret = table;
    }
    return r;
}

static unsigned parameter_of(const struct form *form, struct str column)
{
    for (size_t i = 0; i < form->count; i++)
        if (str_eq(form->columns[i].name, column))
            return form->columns[i].parameter;
    return 0;
}

static size_t columns_by(const struct form *form, unsigned parameter)
{
    size_t count = 0;
    for (size_t i = 0; parameter > 0 && i < form->count; i++)
        count += form->columns[i].parameter == parameter;
    return count;
}

/* A change that finds its rows by something else than their key may be any row's. */
static int known_fill(struct thin *thin, struct known *known)
{
    form_read(known->sql, &known->form);
    if (known->form.kind == FORM_ANY)
        return 0;
    int r = table_find(thin, known->form.table, &known->table);
    if (r < 0)
        return r;
    struct form *form = &known->form;
    if (!known->table)
        form->kind = FORM_ANY;
    else if (form->kind == FORM_INSERT)
        known->key = parameter_of(form, str_of(known->table->key));
    else if (form->kind == FORM_UPDATE && str_eqc(form->where.name, known->table->key))
        known->key = form->where.parameter;
    else
        form->kind = FORM_OF_TABLE;
    return 0;
}

static int known_add(struct thin *thin, struct str sql, uint64_t hash, struct known **place)
{
    CLEANUP(known_free) struct known *known = mem_alloc(sizeof(*known));
    if (!known || !(known->text = str_dup(sql)))
        return FAULT(ENOMEM);
    known->sql = (struct str){known->text, sql.len};
    known->hash = hash;
    int r = known_fill(thin, known);
    if (r < 0)
        return r;
    thin->known_count++;
    *place = take(known);
    return 0;
}

/* *ret NULL: nothing is known of it. */
static int known_find(struct thin *thin, struct str sql, struct known **ret)
{
    uint64_t hash = record_hash(sql);
    struct known **place = &thin->known[hash % FORMS];
    while (*place && ((*place)->hash != hash || !str_eq(sql, (*place)->sql)))
        place = place == &thin->known[FORMS - 1] ? thin->known : place + 1;
    int r = 0;
    if (!*place && thin->known_count < FORMS / 2)
        r = known_add(thin, sql, hash, place);
    *ret = *place;
    return r;
}

/* Whether all that `update` sets is among the parameters by which `insert` makes a row. */
static bool amends(struct known *update, const struct known *insert)
{
    const struct form *form = &update->form;
    if (update->insert)
        return update->insert == insert && update->amends;
    update->insert = insert;
    update->amends = form->where.parameter <= FORM_COLUMNS;
    for (size_t i = 0; update->amends && i < form->count; i++) {
        unsigned from = form->columns[i].parameter, to = parameter_of(&insert->form, form->columns[i].name);
        update->amends =
            columns_by(&insert->form, to) == 1 && from <= FORM_COLUMNS && update->numbers[from - 1] == 0;
        if (update->amends)
            update->numbers[from - 1] = (unsigned char)to;
    }
    return update->amends;
}

/* ---- rows */

static struct row *row_find(struct thin *thin, const struct table *table, struct str key)
{
    size_t last = 2 * thin->room - 1, at = (record_hash(key) + (size_t)(table - thin->tables)) & last;
    for (;; at = at == last ? 0 : at + 1) {
        struct row *row = &thin->rows[at];
        if (row->plan != thin->plan || (row->by->table == table && str_eq(thin->steps[row->last].key, key)))
            return row;
    }
}

static void skip(struct thin *thin, uint32_t number)
{
    thin->steps[number].skipped = true;
    thin->thinned = true;
}

static void amend(struct thin *thin, uint32_t insert, uint32_t by, const struct known *update)
{
    thin->steps[insert].last = &thin->steps[by];
    thin->steps[insert].numbers = update->numbers;
    skip(thin, by);
}

/* The step makes or changes one row. */
static void plan_row(struct thin *thin, uint32_t number, struct known *known)
{
    struct thin_step *step = &thin->steps[number];
    struct row *row = row_find(thin, known->table, step->key);
    uint32_t insert = NONE;
    bool follows =
        row->plan == thin->plan && row->last >= thin->barrier && row->last >= known->table->barrier;
    if (known->form.kind == FORM_INSERT) {
        insert = number;
    } else if (follows && row->by == known) {
        insert = row->insert;
        skip(thin, row->last);
    } else if (follows && row->insert == row->last && amends(known, row->by)) {
        insert = row->insert;
    }
    if (insert != number && insert != NONE)
        amend(thin, insert, number, known);
    *row = (struct row){.plan = thin->plan, .last = number, .insert = insert, .by = known};
}

static int plan_step(struct thin *thin, uint32_t number)
{
    struct thin_step *step = &thin->steps[number];
    struct known *known = NULL;
    if (step->record.is_script)
        thin->outdated = true;
    int r = thin->outdated ? 0 : known_find(thin, step->record.sql, &known);
    if (r < 0)
        return r;
    if (!known || known->form.kind == FORM_ANY) {
        thin->barrier = number + 1;
        return 0;
    }
    step->key = record_text(&step->record, known->key);
    if (known->form.kind == FORM_OF_TABLE || (known->form.kind == FORM_UPDATE && !step->key.ptr))
        known->table->barrier = number + 1;
    else if (step->key.ptr)
        plan_row(thin, number, known);
    return 0;
}

/* ---- plans */

static void room_free(struct thin *thin)
{
    free(take(thin->steps));
    free(take(thin->rows));
    thin->room = thin->count = thin->next = 0;
}

static int room_make(struct thin *thin)
{
    size_t room = thin->room > 0 ? 2 * thin->room : STEPS_MIN;
    struct thin_step *steps = mem_realloc(thin->steps, room * sizeof(*steps));
    if (!steps)
        return FAULT(ENOMEM);
    thin->steps = steps;
    struct row *rows = mem_alloc(2 * room * sizeof(*rows));
    if (!rows)
        return FAULT(ENOMEM);
    free(thin->rows);
    thin->rows = rows;
    thin->room = room;
    return 0;
}

static int steps_read(struct thin *thin, struct str records)
{
    int r = 0;
    while (r == 0 && records.len > 0) {
        size_t before = records.len;
        if (thin->count == thin->room && (r = room_make(thin)) < 0)
            break;
        struct thin_step *step = &thin->steps[thin->count];
        *step = (struct thin_step){0};
        r = record_take(&records, &step->record);
        step->size = before - records.len;
        thin->count += r == 0;
    }
    return r;
}

void thin_forget(struct thin *thin)
{
    if (thin->room > STEPS_KEPT)
        room_free(thin);
    thin->count = thin->next = 0;
}

static void plan_begin(struct thin *thin)
{
    thin_forget(thin);
    if (thin->outdated)
        forms_forget(thin);
    thin->barrier = 0;
    thin->thinned = false;
    if (++thin->plan == 0) { /* after so many that it begins anew */
        thin->plan = 1;
        if (thin->rows)
            memset(thin->rows, 0, 2 * thin->room * sizeof(*thin->rows));
    }
    for (size_t i = 0; i < thin->table_count; i++)
        thin->tables[i].barrier = 0;
}

int thin_plan(struct thin *thin, struct str records)
{
    plan_begin(thin);
    int r = steps_read(thin, records);
    for (uint32_t i = 0; r == 0 && i < thin->count; i++)
        r = plan_step(thin, i);
    if (r < 0)
        thin_forget(thin);
    return r;
}

bool thin_has_next(const struct thin *thin)
{
    return thin->next < thin->count;
}

const struct thin_step *thin_next(struct thin *thin)
{
    return thin_has_next(thin) ? &thin->steps[thin->next++] : NULL;
}

bool thin_is_whole(const struct thin *thin)
{
    return !thin->thinned;
}

int thin_new(struct conn *conn, struct thin **ret)
{
    struct thin *thin = mem_alloc(sizeof(*thin));
    if (!thin)
        return FAULT(ENOMEM);
    thin->conn = conn;
    *ret = thin;
    return 0;
}

void thin_free(struct thin **thin)
{
    if (!*thin)
        return;
    forms_forget(*thin);
    room_free(*thin);
    free(take(*thin));
}
