"""What the crash loop can run. A system makes its topics, and has

  definition, environment   what keyfold is started with, beside BROKERS, STORE and PORT
  fill(rate)                begins to produce its events, so many a second (0: as fast as it goes); `wait()` of what it returns
                            gives 0 when all are in the topics
  verdict()                 compares what was published, and what is served over HTTP, with what the events say

and, where they are needed, `server` (what is started instead of a broker), `scenarios` (those that make sense, by default the ordinary
ones) and `close()`. It gets the run: name (a prefix for topics), options, events (how many), broker, directory, client, keyfold().
"""
