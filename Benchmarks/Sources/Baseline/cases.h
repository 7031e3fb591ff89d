// One function a case. `main.c` says what each does.

#ifndef CASES_H
#define CASES_H

void write_each(void);
void write_batch(void);
void write_headers(void);
void write_acked(void);
void write_window(void);
void write_clients(void);
void write_topics(void);
void fill(void);
void stored(void);

void read_poll(void);
void read_batch(void);
void read_memory(void);

void round_trip(void);
void idle_readers(void);
void connect_writer(void);
void connect_reader(void);

#endif
