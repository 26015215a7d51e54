"""Reading what came in, once, off the request path: search rows, languages, estimated tokens, outlier marks.

unread    what waits to be read, and how far everything was read
past      what was stored before there was anything to read it
texts     what chat messages say, and texts as the search table has them          pure
language  in which language something was written                                 jobs only: loads a model
marks     which interactions stand out, and by what                               pure
declining whether an output begins by declining                                   pure
limits    what is usual for a feature
findings  what reading one interaction finds: all of the above together           pure
writing   the statements that store what was found
copies    what was found later, carried to verdicts and costs
reader    the duty: bounded slices, project by project
search    the search itself, for the API and the pages
"""
