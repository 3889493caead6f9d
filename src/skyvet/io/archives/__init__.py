"""One client an archive: exposure lists, cutouts and light curves over HTTP (extra ``fetch``)."""
